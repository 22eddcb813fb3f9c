use std::collections::BTreeMap;

use retrial_protocol::{Metric, ServerHealth};
use retrial_store::{LoggedNotice, LostProblems, RecentTrouble, RepeatedHints, RunData, StepTimes};

use super::*;

/// Numbers of the demo, step by step.
const DEMO: [(Metric, [f64; 12]); 11] = [
    (
        Metric::FirstTrialTruncationRate,
        [0.297, 0.289, 0.117, 0.031, 0.01, 0.005, 0.0, 0.003, 0.005, 0.0, 0.0, 0.003],
    ),
    (
        Metric::FirstTrialNoAnswerRate,
        [0.299, 0.289, 0.117, 0.034, 0.013, 0.005, 0.0, 0.003, 0.005, 0.0, 0.0, 0.003],
    ),
    (
        Metric::FirstTrialPassRate,
        [0.578, 0.591, 0.693, 0.729, 0.727, 0.799, 0.844, 0.893, 0.878, 0.88, 0.985, 0.989],
    ),
    (Metric::NonePassAfter, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    (Metric::SomePassAfter, [33.0, 32.0, 28.0, 22.0, 28.0, 20.0, 21.0, 17.0, 19.0, 15.0, 3.0, 3.0]),
    (
        Metric::AllPassAfter,
        [15.0, 16.0, 20.0, 26.0, 20.0, 28.0, 27.0, 31.0, 29.0, 33.0, 45.0, 45.0],
    ),
    (
        Metric::Entropy,
        [0.047, 0.043, 0.043, 0.041, 0.125, 0.099, 0.095, 0.091, 0.098, 0.079, 0.018, 0.012],
    ),
    (Metric::SamplerMismatch, [0.0, 1e-7, 0.0, 2e-7, 0.0, 0.0, 1e-6, 0.0, 0.0, 0.0, 0.0, 2e-7]),
    (
        Metric::RepeatedMistakeRate,
        [0.047, 0.125, 0.047, 0.091, 0.594, 0.125, 0.0, 0.0, 0.0, 0.375, 0.0, 0.0],
    ),
    (
        Metric::SecondTrialRollouts,
        [104.0, 72.0, 64.0, 88.0, 32.0, 8.0, 0.0, 0.0, 0.0, 8.0, 0.0, 0.0],
    ),
    (Metric::FirstTrialRollouts, [384.0; 12]),
];

fn healthy(steps: usize) -> RunData {
    let values = |all: &[f64]| all[..steps].iter().copied().map(Some).collect();
    RunData {
        steps: (1..=steps as u64).map(|step| StepTimes { step, seconds: 4.0 }).collect(),
        metrics: DEMO
            .iter()
            .map(|(metric, all)| (metric.name().to_owned(), values(&all[..])))
            .collect(),
        trouble: RecentTrouble {
            lost: LostProblems { known: 200, lost: 2 },
            hints: RepeatedHints { hints: 30, repeated: 3, problem: None, step: None },
            rewards: Vec::new(),
        },
        ..RunData::default()
    }
}

fn facts(data: &RunData) -> Facts<'_> {
    let (notices, servers) = (&[][..], &[][..]);
    Facts { run: "one", data, notices, ended: None, servers, disk: None }
}

fn kinds(facts: &Facts<'_>) -> Vec<Trouble> {
    attention(facts).iter().map(|entry| entry.kind).collect()
}

/// The healthy run, with other numbers in its last steps.
fn seeded(changed: &[(Metric, f64)], steps: usize) -> RunData {
    let mut data = healthy(12);
    for (metric, value) in changed {
        let values = data.metrics.entry(metric.name().into()).or_insert_with(|| vec![None; 12]);
        values[12 - steps..].fill(Some(*value));
    }
    data
}

#[test]
fn nothing_deserves_attention_in_a_healthy_run() {
    assert_eq!(kinds(&facts(&RunData::default())), [], "a run without steps");
    for steps in 1..=12 {
        let data = healthy(steps);
        let servers = [server("a", Some(steps as u64)), server("b", Some(steps as u64))];
        let disk = Some(disk(100_000));
        assert_eq!(kinds(&Facts { servers: &servers, disk, ..facts(&data) }), [], "{steps} steps");
    }
}

#[test]
fn seeded_faults_are_listed_within_two_steps() {
    let cases: [(Trouble, &[(Metric, f64)]); 9] = [
        (
            Trouble::AllCut,
            &[(Metric::FirstTrialTruncationRate, 1.0), (Metric::FirstTrialNoAnswerRate, 1.0)],
        ),
        (Trouble::NoAnswers, &[(Metric::FirstTrialNoAnswerRate, 0.95)]),
        (Trouble::NoSpread, &[(Metric::SomePassAfter, 0.0), (Metric::NonePassAfter, 48.0)]),
        (Trouble::StaleWeights, &[(Metric::WrongWeights, 1.0)]),
        (Trouble::Drift, &[(Metric::SamplerMismatch, 0.2)]),
        (Trouble::Drift, &[(Metric::SamplerMismatch, 0.004)]),
        (Trouble::EntropyCollapse, &[(Metric::Entropy, 0.002), (Metric::FirstTrialPassRate, 0.4)]),
        (Trouble::Verifier, &[(Metric::GivenUpVerdicts, 40.0)]),
        (
            Trouble::MistakesRepeated,
            &[(Metric::RepeatedMistakeRate, 0.9), (Metric::SecondTrialRollouts, 64.0)],
        ),
    ];
    for (kind, numbers) in cases {
        let data = seeded(numbers, 2);
        let found = attention(&facts(&data));
        assert_eq!(found.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [kind]);
        let entry = &found[0];
        assert!(entry.reason.ends_with('.') && entry.advice.ends_with('.'), "{entry:?}");
        assert!(entry.page.starts_with('/') && entry.value.is_finite(), "{entry:?}");
    }
}

#[test]
fn what_is_over_is_not_listed() {
    let mut data = seeded(&[(Metric::FirstTrialTruncationRate, 1.0)], 3);
    let name = Metric::FirstTrialTruncationRate.name();
    *data.metrics.get_mut(name).unwrap().last_mut().unwrap() = Some(0.1);
    assert_eq!(kinds(&facts(&data)), []);
}

#[test]
fn certain_and_right_is_no_collapse() {
    let data = seeded(&[(Metric::Entropy, 0.002), (Metric::FirstTrialPassRate, 0.99)], 2);
    assert_eq!(kinds(&facts(&data)), []);
}

#[test]
fn graded_rewards_differ_where_no_group_passes() {
    let numbers = [(Metric::SomePassAfter, 0.0), (Metric::FirstTrialReward, 0.3)];
    assert_eq!(kinds(&facts(&seeded(&numbers, 2))), []);
}

#[test]
fn lost_problems_and_repeated_hints_lead_to_them() {
    let mut data = healthy(12);
    data.trouble.lost = LostProblems { known: 40, lost: 9 };
    let problem = Some("a/b".to_owned());
    data.trouble.hints = RepeatedHints { hints: 10, repeated: 8, problem, step: Some(7) };
    let found = attention(&facts(&data));
    let pages: Vec<&str> = found.iter().map(|entry| &*entry.page).collect();
    assert_eq!(pages, ["/runs/one/problems?status=lost", "/runs/one/problem?id=a%2Fb&step=7"]);
    assert_eq!(found[0].value, 9.0);
}

#[test]
fn verifiers_that_contradict_each_other_are_named() {
    let rewards = |brief: fn(usize) -> f64| -> Vec<BTreeMap<String, f64>> {
        let right = |at: usize| f64::from(u8::from(at.is_multiple_of(3)));
        (0..90)
            .map(|at| [("right".to_owned(), right(at)), ("brief".to_owned(), brief(at))].into())
            .collect()
    };
    let mut data = healthy(12);
    // Of something else, and constant.
    data.trouble.rewards = rewards(|at| f64::from(u8::from(at.is_multiple_of(2))));
    assert_eq!(kinds(&facts(&data)), []);
    data.trouble.rewards = rewards(|_| 1.0);
    assert_eq!(kinds(&facts(&data)), []);
    data.trouble.rewards = rewards(|at| f64::from(u8::from(!at.is_multiple_of(3))));
    let found = attention(&facts(&data));
    assert_eq!(found[0].kind, Trouble::VerifiersDisagree);
    assert!(found[0].reason.contains("brief and right"), "{}", found[0].reason);
}

fn server(url: &str, version: Option<u64>) -> ServerHealth {
    let (mean_seconds, worst_seconds) = (None, None);
    ServerHealth {
        url: url.into(),
        version,
        in_flight: 0,
        requests: 9,
        failed: 5,
        mean_seconds,
        worst_seconds,
    }
}

#[test]
fn servers_that_are_behind_are_named() {
    let data = healthy(12);
    let servers =
        [server("http://a", Some(12)), server("http://b", Some(11)), server("http://c", None)];
    let found = attention(&Facts { servers: &servers, ..facts(&data) });
    assert_eq!(found[0].kind, Trouble::ServerOut);
    assert!(found[0].reason.contains("http://b has version 11"), "{}", found[0].reason);
    let found = attention(&Facts { servers: &servers[2..], ..facts(&data) });
    assert_eq!(found, [], "before the first push no server has a version");
}

fn disk(free_mb: u64) -> Disk {
    let free_bytes = free_mb * 1_000_000;
    // 1 kB a rollout: of 384 in 4 s about 350 MB an hour.
    Disk { free_bytes, log_bytes: 1_000_000, log_rollouts: 1_000, seconds_left: None }
}

#[test]
fn a_disk_that_will_be_full_is_said_in_hours() {
    let data = healthy(12);
    let of = |disk| attention(&Facts { disk: Some(disk), ..facts(&data) });
    let found = of(disk(1_000));
    assert_eq!((found[0].kind, found[0].severity), (Trouble::Disk, Severity::Watch));
    assert!((2.0..4.0).contains(&found[0].value), "{}", found[0].value);
    assert_eq!(of(disk(100))[0].severity, Severity::Stops);
    assert_eq!(of(Disk { seconds_left: Some(60.0), ..disk(1_000) }), [], "the run ends before");
}

#[test]
fn the_worst_comes_first() {
    let data = seeded(&[(Metric::WrongWeights, 1.0), (Metric::FirstTrialTruncationRate, 1.0)], 2);
    let notice = LoggedNotice {
        noticed_at: String::new(),
        step: Some(12),
        level: "warning".into(),
        message: "a warning\nand more".into(),
    };
    let notices = [notice.clone(), notice];
    let found = Facts { ended: Some("failed: no server"), notices: &notices, ..facts(&data) };
    assert_eq!(
        kinds(&found),
        [Trouble::Ended, Trouble::StaleWeights, Trouble::AllCut, Trouble::Warnings]
    );
    let reason = &attention(&found)[3].reason;
    assert_eq!(reason, "The run has warned 2 times lately, last: a warning");
}

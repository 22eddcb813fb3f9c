use retrial_protocol::Metric;
use retrial_store::{Coverage, Evaluation, Graduation, SourceStep, StepTimes};

use super::*;

/// Three steps in which two problems are rescued, one of which graduates.
fn data() -> RunData {
    let steps = (1..=3).map(|step| StepTimes { step, seconds: 4.0 }).collect();
    let metrics = [
        (Metric::FirstTrialPassRate, [Some(0.5), None, Some(1.0)]),
        (Metric::TrainedSamples, [Some(8.0), Some(0.0), Some(0.0)]),
        (Metric::FirstTrialRollouts, [Some(16.0), Some(16.0), Some(16.0)]),
        (Metric::HintedProblems, [Some(2.0), Some(0.0), Some(0.0)]),
        (Metric::RescuedProblems, [Some(1.0), Some(0.0), Some(0.0)]),
        (Metric::HintedHint, [Some(2.0), None, None]),
        (Metric::RescuedHint, [Some(1.0), None, None]),
        (Metric::FirstTrialSeconds, [Some(2.0), Some(3.0), Some(5.0)]),
    ];
    RunData {
        steps,
        metrics: metrics
            .into_iter()
            .map(|(metric, values)| (metric.name().into(), values.into()))
            .collect(),
        evaluations: vec![Evaluation {
            split: "new".into(),
            version: 0,
            k: 8,
            problems: 100,
            pass_at_1: 0.25,
            pass_at_k: 0.5,
        }],
        coverage: vec![
            Coverage { tried: 1, solved: Some(1), problems: 3 },
            Coverage { tried: 1, solved: Some(3), problems: 1 },
            Coverage { tried: 2, solved: None, problems: 2 },
        ],
        graduations: vec![
            Graduation { rescued: 1, again: None, graduated: None, problems: 1 },
            Graduation { rescued: 1, again: Some(2), graduated: Some(3), problems: 1 },
        ],
        ..RunData::default()
    }
}

fn panel(data: &RunData, id: &str) -> Panel {
    let mut all = sections(data).into_iter().flat_map(|section| section.panels);
    all.find(|panel| panel.id == id).unwrap_or_else(|| panic!("there is no panel {id}"))
}

fn values(panel: &Panel, name: &str) -> Vec<f64> {
    let found = panel.series.iter().find(|series| series.name == name);
    let found = found.unwrap_or_else(|| panic!("{} has no series {name}", panel.id));
    found.values.iter().map(|value| value.unwrap_or(-1.0)).collect()
}

#[test]
fn numbers_are_what_their_formulas_say() {
    let data = data();
    assert_eq!(values(&panel(&data, "coverage"), "unsolved"), [1.0, 3.0, 2.0]);
    assert_eq!(values(&panel(&data, "coverage"), "solved ever"), [3.0, 3.0, 4.0]);
    let graduation = panel(&data, "graduations");
    assert_eq!(values(&graduation, "rescued"), [2.0, 2.0, 2.0]);
    assert_eq!(values(&graduation, "came again"), [0.0, 1.0, 1.0]);
    assert_eq!(values(&graduation, "solved unaided"), [0.0, 0.0, 1.0]);
    assert_eq!(values(&panel(&data, "rescues"), "hint (n 2)"), [0.5, -1.0, -1.0]);
    let batch = panel(&data, "effective-batch");
    assert_eq!(values(&batch, "trained / sampled"), [0.5, 0.0, 0.0]);
    assert_eq!(batch.figures[0].value, 2.0, "two empty steps in a row");
    assert_eq!(values(&panel(&data, "time"), "other"), [2.0, 1.0, 0.0]);
    let reward = panel(&data, "reward");
    assert_eq!(values(&reward, "each step"), [0.5, -1.0, 1.0]);
    let expected = 0.5 + 2.0 / 11.0 * 0.5;
    assert!((values(&reward, "smoothed")[2] - expected).abs() < 1e-12);
    let held_out = panel(&data, "held-out-new");
    assert_eq!(values(&held_out, "Pass@8"), [0.5]);
}

#[test]
fn what_is_empty_says_why() {
    let nothing = RunData::default();
    let mut ids = Vec::new();
    for panel in sections(&nothing).into_iter().flat_map(|section| section.panels) {
        assert!(panel.empty.is_some(), "{} shows nothing and does not say why", panel.id);
        ids.push(panel.id);
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "names are unique");
    assert_eq!(panel(&data(), "outcomes").empty, Some("No step has its groups yet."));
    assert_eq!(panel(&data(), "reward").empty, None);
}

#[test]
fn every_metric_is_on_its_panel() {
    let number = |metric: Metric| 0.25 + f64::from(metric as u8) / 1000.0;
    let with = |changed: Option<Metric>| RunData {
        steps: vec![StepTimes { step: 1, seconds: 1000.0 }],
        metrics: Metric::ALL
            .iter()
            .map(|&metric| {
                let more = if changed == Some(metric) { 0.125 } else { 0.0 };
                (metric.name().to_owned(), vec![Some(number(metric) + more)])
            })
            .collect(),
        ..RunData::default()
    };
    let before = with(None);
    for &metric in Metric::ALL {
        let (id, after) = (metric.panel().as_str(), with(Some(metric)));
        assert_ne!(panel(&before, id), panel(&after, id), "{} is not on it", metric.name());
    }
}

#[test]
fn kl_is_on_the_dashboard_when_it_is_on() {
    let mut data = data();
    let off = panel(&data, "kl");
    assert_eq!(off.empty, Some("No update has measured it: [objective] kl asks for it."));
    let values = vec![Some(0.0), Some(0.01), Some(0.02)];
    data.metrics.insert(Metric::Kl.name().into(), values.clone());
    let on = panel(&data, "kl");
    assert_eq!((on.empty, &on.series[0].values), (None, &values));
}

#[test]
fn sources_and_answer_spaces_have_their_curves() {
    let mut data = data();
    assert!(sections(&data).iter().all(|section| section.panels.iter().all(|p| p.id != "sources")));
    let point = |source: &str, step, pass_rate| SourceStep {
        source: source.into(),
        step,
        tries: 8,
        pass_rate,
        reward: pass_rate,
    };
    data.by_source = vec![point("code", 2, 0.5), point("sums", 1, 0.25), point("sums", 3, 0.25)];
    let sources = panel(&data, "sources");
    assert_eq!(values(&sources, "code (n 8)"), [-1.0, 0.5, -1.0]);
    assert_eq!(values(&sources, "sums (n 16)"), [0.25, -1.0, 0.25]);
    for (metric, value) in [(Metric::HintedOf2, 4.0), (Metric::RescuedOf2, 3.0)] {
        data.metrics.insert(metric.name().into(), vec![Some(value), None, None]);
    }
    assert_eq!(values(&panel(&data, "answer-space"), "2 answers (n 4)"), [0.75, -1.0, -1.0]);
}

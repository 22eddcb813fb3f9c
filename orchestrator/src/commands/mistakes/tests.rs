//! What the command shows, finds and rejects.

use clap::Parser;
use retrial_domain::{FinishReason, GradedRollout, Judgement, Problem, ProblemId, Rollout, Trial};
use retrial_grader::{Answer, Verdict};
use retrial_lte::{GroupOutcome, Method};
use retrial_protocol::Step;
use retrial_store::{GroupRecord, NewRun, PushRecord, StepRecord, Store, TrialRecord};
use tempfile::TempDir;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// Two runs; in each, problem `a` gets 3 twice (once as 3.0) and 4 once, in two steps.
async fn log() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("retrial.db")).await.unwrap();
    let a = ProblemId("a".into());
    for name in ["one", "two"] {
        let run = NewRun {
            name: name.into(),
            method: Method::Lte,
            seed: 1,
            model: "base".into(),
            config: Value::Null,
        };
        let run = store.create_run(&run).await.unwrap();
        let problem = Problem {
            id: a.clone(),
            text: "What is\n1 + 1?".into(),
            answer: "2".into(),
            tags: [].into(),
        };
        store.record_problems(run, "train", [&problem].into_iter()).await.unwrap();
        let steps: [(Step, &[&str]); 2] = [(Step(1), &["3", "4"]), (Step(2), &["3.0"])];
        for (step, answers) in steps {
            let group: Vec<GradedRollout> = (0..).zip(answers).map(wrong).collect();
            store.begin_step(run, step, std::slice::from_ref(&a)).await.unwrap();
            let (trial, prompt_tokens) = (Trial::First, 5);
            let record = TrialRecord { problem: &a, trial, prompt_tokens, rollouts: &group };
            store.log_rollouts(run, step, &[record]).await.unwrap();
            store.commit_step(run, step, &committed(step)).await.unwrap();
        }
    }
    store.close().await;
    folder
}

fn wrong((index, answer): (u32, &&str)) -> GradedRollout {
    GradedRollout {
        rollout: Rollout {
            index,
            tokens: vec![1],
            logprobs: vec![-0.5],
            text: format!("I say \\boxed{{{answer}}}"),
            finish: FinishReason::Stop,
            version: Step(1).base(),
        },
        judgement: Judgement::graded(
            Verdict::Wrong,
            Some(Answer {
                text: (*answer).into(),
                canonical: answer.trim_end_matches(".0").into(),
            }),
        ),
    }
}

fn committed(step: Step) -> StepRecord {
    let group = GroupRecord {
        problem: ProblemId("a".into()),
        before: GroupOutcome::NonePass,
        after: GroupOutcome::NonePass,
        replacements: Vec::new(),
    };
    let (version, folder) = (step.version(), "weights".into());
    StepRecord {
        groups: vec![group],
        weights: PushRecord { version, folder, max_difference: None },
        metrics: Vec::new(),
    }
}

async fn shown(folder: &TempDir, arguments: &[&str]) -> Result<String, Failure> {
    let db = folder.path().join("retrial.db");
    let all = ["mistakes", "--db", db.to_str().unwrap()].into_iter();
    let args = Cli::parse_from(all.chain(arguments.iter().copied())).args;
    let mut out = Vec::new();
    print(&args, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

async fn lines(folder: &TempDir, arguments: &[&str]) -> Vec<Value> {
    let text = shown(folder, &[arguments, &["--json"]].concat()).await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn tables_are_for_people() {
    let folder = log().await;
    let mistakes = shown(&folder, &[]).await.unwrap();
    let unsolved = shown(&folder, &["--unsolved", "--run", "two"]).await.unwrap();
    insta::assert_snapshot!(format!("{mistakes}\n{unsolved}"));
    assert_eq!(shown(&folder, &["--problem", "b"]).await.unwrap(), "nothing found\n");
}

#[tokio::test]
async fn mistakes_can_be_searched() {
    let folder = log().await;
    // Arguments, and how often each mistake found was made.
    let cases: [(&[&str], &[i64]); 17] = [
        (&[], &[2, 2, 1, 1]),
        (&["--run", "one"], &[2, 1]),
        (&["--limit", "1"], &[2]),
        (&["--answer", "4"], &[1, 1]),
        (&["--answer", "3.00", "--run", "one"], &[2]),
        (&["--answer", "(none)"], &[]),
        (&["--kind", "wrong", "--limit", "3"], &[2, 2, 1]),
        (&["--kind", "cut_off", "--kind", "no_answer"], &[]),
        (&["--min-times", "2"], &[2, 2]),
        (&["--from-step", "2"], &[2, 2]),
        (&["--to-step", "0"], &[]),
        (&["--solved", "no", "--run", "two"], &[2, 1]),
        (&["--solved", "yes"], &[]),
        // One response has it, which is counted completely.
        (&["--contains", "3.0"], &[2, 2]),
        (&["--contains", "SAY boxed", "--run", "two"], &[2, 1]),
        (&["--contains", "1 + 1", "--answer", "3"], &[2, 2]),
        (&["--contains", "'; DROP TABLE runs"], &[]),
    ];
    for (arguments, expected) in cases {
        let rows = lines(&folder, arguments).await;
        let times: Vec<i64> = rows.iter().map(|row| row["times"].as_i64().unwrap()).collect();
        assert_eq!(times, expected, "{arguments:?}");
    }
    // The example is the latest response with the text.
    let of_one = async |text: &str| lines(&folder, &["--contains", text, "--run", "one"]).await;
    assert_eq!(of_one("I say").await, lines(&folder, &["--run", "one"]).await);
    assert_eq!(of_one("boxed 3").await[0]["response"], "I say \\boxed{3.0}");
    let csv = shown(&folder, &["--run", "one", "--csv"]).await.unwrap();
    assert!(csv.starts_with("run,problem,times,hinted_times,kind,"), "{csv}");
    assert_eq!(csv.matches("\none,a,").count(), 2, "{csv}");
    let unsolved = lines(&folder, &["--unsolved", "--contains", "1 + 1"]).await;
    assert_eq!(unsolved.len(), 2);
}

#[tokio::test]
async fn a_log_or_run_that_is_not_there_is_bad_input() {
    let folder = log().await;
    let failure = shown(&folder, &["--run", "three"]).await.unwrap_err();
    assert!(matches!(&failure, Failure::Input(error) if error.to_string().contains("one, two")));
    let empty = tempfile::tempdir().unwrap();
    let failure = shown(&empty, &[]).await.unwrap_err();
    assert!(matches!(&failure, Failure::Input(error) if error.to_string().contains("no log")));
    assert!(!empty.path().join("retrial.db").exists());
}

//! A run that is killed at any moment and resumed ends as one that never was: the same weights bit
//! for bit, the same log.

use retrial_tests::{Ended, Project, shown};
use tokio::sync::OnceCell;

/// Moments of the loop, and points of the trainer, in the second of two steps.
const LOOP: [&str; 8] = [
    "begin@2",
    "half-first-trial@2",
    "first-trial@2",
    "hints@2",
    "second-trial@2",
    "train@2",
    "publish@2",
    "commit@2",
];
const TRAINER: [&str; 5] =
    ["before-train@2", "after-train@2", "before-write@2", "after-write@2", "after-rename@2"];

/// How a run ends that nothing happens to.
async fn expected() -> &'static Ended {
    static EXPECTED: OnceCell<Ended> = OnceCell::const_new();
    EXPECTED.get_or_init(unbroken).await
}

async fn unbroken() -> Ended {
    let project = Project::new();
    let output = project.train(&[]);
    assert!(output.status.success(), "{}", shown(&output));
    project.ended(2).await
}

async fn broken(point: &str) -> Ended {
    let project = Project::new();
    let crashed = project.train(&["--crash-at", point]);
    assert!(!crashed.status.success(), "{point} did not end the run: {}", shown(&crashed));
    let resumed = project.train(&["--resume"]);
    assert!(resumed.status.success(), "after {point}: {}", shown(&resumed));
    project.ended(2).await
}

/// The trainer dies at a point of its own; the run starts it again.
async fn without_trainer(point: &str) -> Ended {
    let project = Project::new();
    let output = project.train(&["--trainer-crash-at", point]);
    assert!(output.status.success(), "{}", shown(&output));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("retrial-trainer crashed"), "{point} did not end it: {said}");
    project.ended(2).await
}

/// Both services are killed while a step is under way, and again in the next.
#[tokio::test]
async fn services_that_are_killed_are_started_again() {
    let expected = expected().await;
    let project = Project::new();
    let run = project.start(&[]);
    for step in [1, 2] {
        project.wait_for_rollouts(step).await;
        assert!(
            run.signal_child("retrial-policy", "KILL"),
            "there was no policy server in step {step}"
        );
        assert!(run.signal_child("retrial-trainer", "KILL"), "there was no trainer in step {step}");
    }
    let output = run.output();
    assert!(output.status.success(), "{}", shown(&output));
    project.ended(2).await.assert_is(expected, "kills of the services");
}

/// Ctrl-C ends a run after the step that is under way, twice at once; it goes on from there.
#[tokio::test]
async fn a_run_that_is_told_to_stop() {
    let expected = expected().await;
    for (signals, says) in [(&["INT"][..], "stopped after step 1"), (&["TERM", "INT"], "stopped;")]
    {
        let project = Project::new();
        let run = project.start(&[]);
        project.wait_for_rollouts(1).await;
        for signal in signals {
            run.signal(signal);
        }
        let output = run.output();
        assert_eq!(output.status.code(), Some(130), "{}", shown(&output));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(says) && said.contains("--resume"), "{said}");
        let resumed = project.train(&["--resume"]);
        assert!(resumed.status.success(), "{}", shown(&resumed));
        project.ended(2).await.assert_is(expected, says);
    }
}

#[tokio::test]
async fn killed_anywhere_and_resumed_is_the_same_run() {
    let expected = expected().await;
    // The same seed gives the same run in the first place.
    unbroken().await.assert_is(expected, "a second run");
    for point in LOOP {
        broken(point).await.assert_is(expected, point);
    }
    for point in TRAINER {
        without_trainer(point).await.assert_is(expected, point);
    }
}

#[tokio::test]
async fn a_run_is_trained_by_one_process_at_a_time() {
    let project = Project::new();
    let first = project.start(&["--set", "run.steps=200"]);
    project.wait_for_rollouts(1).await;
    let second = project.train(&["--resume", "--set", "run.steps=200"]);
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(2), "{}", shown(&second));
    assert!(error.contains("is being trained by another process"), "{error}");
    // However the first one ends, the next may go on.
    first.signal("KILL");
    drop(first.output());
    let third = project.train(&["--resume"]);
    assert!(third.status.success(), "{}", shown(&third));
}

/// The last version lost its end, a file, or its record, as by a power cut.
#[tokio::test]
async fn a_damaged_last_version_is_made_again_out_of_the_log() {
    let cut = |path: &std::path::Path| {
        let length = std::fs::metadata(path).unwrap().len();
        std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length / 2).unwrap();
    };
    for (file, whole) in [
        ("model.safetensors", false),
        ("trainer/optimizer.safetensors", true),
        ("trainer/record.json", false),
    ] {
        let project = Project::new();
        let output = project.train(&[]);
        assert!(output.status.success(), "{}", shown(&output));
        let path = project.path("runs/test/v000002").join(file);
        if whole {
            std::fs::remove_file(&path).unwrap();
        } else {
            cut(&path);
        }
        let resumed = project.train(&["--resume"]);
        assert!(resumed.status.success(), "{file}: {}", shown(&resumed));
        let said = String::from_utf8_lossy(&resumed.stderr).into_owned();
        assert!(said.contains("goes back to version 1"), "{file}: {said}");
        assert!(!project.path("runs/test/v000002.damaged").exists(), "{file}");
        project.ended(2).await.assert_is(expected().await, file);
    }
}

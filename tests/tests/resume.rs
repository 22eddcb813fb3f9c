//! A run that is killed at any moment and resumed ends as one that never was: the same weights bit
//! for bit, the same log.

use retrial_tests::{Project, shown};

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

struct Ended {
    weights: Vec<u8>,
    log: Vec<String>,
}

async fn ended(project: &Project) -> Ended {
    Ended { weights: project.weights(2), log: project.log_content().await }
}

async fn unbroken() -> Ended {
    let project = Project::new();
    let output = project.train(&[]);
    assert!(output.status.success(), "{}", shown(&output));
    ended(&project).await
}

async fn broken(flag: &str, point: &str) -> Ended {
    let project = Project::new();
    let crashed = project.train(&[flag, point]);
    assert!(!crashed.status.success(), "{point} did not end the run: {}", shown(&crashed));
    let resumed = project.train(&["--resume"]);
    assert!(resumed.status.success(), "after {point}: {}", shown(&resumed));
    ended(&project).await
}

fn compare(point: &str, expected: &Ended, found: &Ended) {
    assert!(expected.weights == found.weights, "after {point} the weights differ");
    for (expected, found) in expected.log.iter().zip(&found.log) {
        assert_eq!(found, expected, "after {point} the log differs");
    }
    assert_eq!(found.log.len(), expected.log.len(), "after {point} the log has other rows");
}

#[tokio::test]
async fn killed_anywhere_and_resumed_is_the_same_run() {
    let expected = unbroken().await;
    // The same seed gives the same run in the first place.
    compare("a second run", &expected, &unbroken().await);
    for point in LOOP {
        compare(point, &expected, &broken("--crash-at", point).await);
    }
    for point in TRAINER {
        compare(point, &expected, &broken("--trainer-crash-at", point).await);
    }
}

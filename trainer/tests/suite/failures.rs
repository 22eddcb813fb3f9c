//! Updates in which libtorch fails: the answer says what to do, and nothing changes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use retrial_protocol::{ErrorBody, TrainRequest};
use retrial_trainer::compute::Compute;
use retrial_trainer::fault::Fault;
use retrial_trainer::trainer::Trainer;
use serde_json::Value;
use tempfile::tempdir;

use crate::common::{base, batch, open, request};
use crate::ranks::fixture::{Policy, fixed, of, same_files, train, with_fault};
use crate::ranks::processes::{Processes, ask};

/// Steps on the tiny model's batch: its samples have 9, 12, 6 and 15 tokens.
fn steps(count: u64) -> Vec<TrainRequest> {
    let folder = tempdir().unwrap();
    let trainer = open(folder.path());
    (1..=count).map(|step| request(step, batch(&trainer))).collect()
}

fn failing(folder: &Path, at: &str) -> Trainer {
    let fault = Fault::out_of_memory(at).unwrap();
    Trainer::open(&base(), folder, 3, Some(fault), Compute::default(), None).unwrap()
}

#[test]
fn a_step_that_runs_out_of_memory_anywhere_can_be_taken_again_with_the_same_result() {
    let steps = steps(2);
    let expected = tempdir().unwrap();
    train(&mut open(expected.path()), &steps);
    let points =
        ["before-train", "mid-backward", "after-train", "before-write", "mid-write", "after-write"];
    for point in points {
        let folder = tempdir().unwrap();
        let mut trainer = failing(folder.path(), &format!("{point}@2"));
        trainer.train(&steps[0]).unwrap();
        let before = trainer.state();
        let error = trainer.train(&steps[1]).unwrap_err().to_string();
        assert!(error.contains("libtorch: ") && error.contains("memory"), "{point}: {error}");
        assert_eq!(trainer.state(), before, "{point}");
        trainer.train(&steps[1]).unwrap();
        same_files(expected.path(), folder.path(), 2);
    }
}

#[test]
fn too_large_a_micro_batch_is_named_with_what_takes_less() {
    let mut step = steps(1).remove(0);
    let cases = [
        (64, "micro-batch of 42 tokens (4 sequences): libtorch: ", "micro_batch_tokens, to 21 for"),
        (1, "micro-batch of 6 tokens (1 sequence): libtorch: ", "recompute = true under [trainer]"),
    ];
    for (micro_batch_tokens, expected, hint) in cases {
        step.micro_batch_tokens = micro_batch_tokens;
        let folder = tempdir().unwrap();
        let error = failing(folder.path(), "mid-backward@1").train(&step).unwrap_err().to_string();
        assert!(error.starts_with(&format!("out of memory in a {expected}")), "{error}");
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn a_rank_that_runs_out_of_memory_is_named_and_all_ranks_go_on() {
    let steps = fixed(1..=1);
    let (expected, policy) = (tempdir().unwrap(), Policy::default());
    of(&policy, 2, expected.path(), |trainer| train(trainer, &steps));
    for failing in [0, 1] {
        for point in ["mid-backward", "mid-write"] {
            let folder = tempdir().unwrap();
            let fault = Fault::out_of_memory(&format!("{point}@1")).unwrap();
            with_fault(&policy, 2, folder.path(), (failing, Some(fault)), |trainer| {
                let error = trainer.train(&steps[0]).unwrap_err().to_string();
                assert_eq!(error.starts_with("on rank 1: "), failing == 1, "{point}: {error}");
                assert!(error.contains("libtorch: "), "{point}: {error}");
                trainer.train(&steps[0]).unwrap();
            });
            same_files(expected.path(), folder.path(), 1);
        }
    }
}

#[tokio::test]
async fn a_rank_that_fails_between_what_ranks_agree_on_ends_all() {
    let steps = fixed(1..=1);
    let folder = tempdir().unwrap();
    let fault = (1, &["--out-of-memory-at", "before-train@1"][..]);
    let mut ranks = Processes::start(2, folder.path(), 20, fault);
    ranks.ready().await;
    let (status, error) = ask(ranks.url.clone(), steps[0].clone()).await.expect("rank 0 answers");
    assert!(status == 500 && error.contains("rank 0 of 2: "), "{status} {error}");
    for rank in &mut ranks.ranks {
        assert_eq!(rank.exit(), Some(1), "{}", rank.log());
    }
    let said = ranks.ranks[1].log();
    assert!(said.contains("the step was given up: libtorch: "), "{said}");
}

/// `retrial-trainer serve` alone, which ends with the test.
struct Served {
    child: Child,
    url: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn start(folder: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_retrial-trainer"))
            .args(["serve", "--port", "0", "--threads", "2", "--model"])
            .arg(base())
            .arg("--versions")
            .arg(folder)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: ready["listening"].as_str().unwrap().to_owned() }
    }
}

#[tokio::test]
async fn the_service_answers_out_of_memory_and_goes_on() {
    let step = steps(1).remove(0);
    let folder = tempdir().unwrap();
    let served = Served::start(folder.path(), &["--out-of-memory-at", "mid-backward@1"]);
    let (status, text) = ask(served.url.clone(), step.clone()).await.unwrap();
    assert_eq!(status, 507, "{text}");
    let ErrorBody { error } = serde_json::from_str(&text).unwrap();
    assert!(error.starts_with("out of memory in a micro-batch of 42 tokens"), "{error}");
    assert!(error.contains("hint: lower [trainer] micro_batch_tokens, to 21"), "{error}");
    let (status, text) = ask(served.url.clone(), step).await.unwrap();
    assert_eq!(status, 200, "{text}");
}

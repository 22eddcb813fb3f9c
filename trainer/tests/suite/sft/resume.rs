//! A training that is killed and continued ends as one that was not.

use std::process::Stdio;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde_json::Value;

use super::fixture::{Place, names, refused};

/// Four steps a pass, two passes.
const COMMON: [&str; 6] = ["--epochs", "2", "--save-every", "2", "--held-out-share", "0.1"];

/// Runs it until it stops itself at a point, and kills it there.
fn kill_at(place: &Place, out: &str, point: &str, more: &[&str]) {
    let more = [&COMMON[..], more, &["--stop-at", point]].concat();
    let mut child =
        place.command("examples.jsonl", out, &more).stdout(Stdio::null()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let stopped = waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::EXITED);
    let stopped = stopped.unwrap().expect("it waits until something happens");
    assert!(stopped.stopped(), "{point}: it has ended");
    child.kill().unwrap();
    assert!(!child.wait().unwrap().success());
    assert!(!place.path(out).exists());
}

/// The metrics without what differs from one process to the next.
fn lasting(place: &Place, out: &str) -> Vec<Value> {
    let mut lines = place.metrics(out);
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("tokens_per_second");
    }
    lines
}

/// Before the first checkpoint, between two, while one is written, and after it.
const POINTS: [&str; 5] =
    ["after-train@1", "after-train@3", "mid-write@4", "after-write@4", "after-rename@6"];

#[test]
fn a_killed_training_continues_bit_for_bit() {
    let place = Place::new(36);
    place.train("whole", &COMMON);
    let (weights, metrics) = (place.weights("whole"), lasting(&place, "whole"));
    for point in POINTS {
        kill_at(&place, "killed", point, &[]);
        let said = place.train("killed", &[&COMMON[..], &["--resume"]].concat());
        let continued = match point {
            "after-train@1" => "there is no checkpoint: starting at the beginning",
            "after-rename@6" => "continuing after step 6",
            _ => "continuing after step 2",
        };
        assert!(said.contains(continued), "{point}: {said}");
        assert!(place.weights("killed") == weights, "{point}");
        assert_eq!(lasting(&place, "killed"), metrics, "{point}");
        assert!(!place.path("killed.partial").exists());
        std::fs::remove_dir_all(place.path("killed")).unwrap();
    }
}

#[test]
fn adapters_and_bf16_continue_bit_for_bit() {
    let place = Place::new(36);
    let lora = ["--lora-rank", "3", "--lora-alpha", "6", "--merge"];
    for more in [&lora[..], &["--precision", "bf16"]] {
        place.train("whole", &[&COMMON[..], more].concat());
        kill_at(&place, "killed", "after-train@5", more);
        place.train("killed", &[&COMMON[..], more, &["--resume"]].concat());
        assert!(place.weights("killed") == place.weights("whole"), "{more:?}");
        std::fs::remove_dir_all(place.path("killed")).unwrap();
        std::fs::remove_dir_all(place.path("whole")).unwrap();
    }
}

#[test]
fn one_checkpoint_is_kept_and_what_cannot_be_continued_is_refused() {
    let place = Place::new(36);
    kill_at(&place, "out", "after-train@5", &[]);
    let found = names(&place.path("out.partial"));
    assert_eq!(found, ["settings.json", "sft.jsonl", "trainer.lock", "v000004"]);

    let error = refused(&mut place.command("examples.jsonl", "out", &COMMON));
    assert!(
        error.contains("out.partial has a training that was interrupted after step 4"),
        "{error}"
    );
    assert!(error.contains("hint: --resume continues it"), "{error}");
    let other = [&COMMON[..], &["--resume", "--learning-rate", "0.5"]].concat();
    let error = refused(&mut place.command("examples.jsonl", "out", &other));
    assert!(
        error.contains("--learning-rate was 0.001 when the training in out.partial"),
        "{error}"
    );
    place.write("fewer.jsonl", "{\"prompt\": \"1\", \"response\": \"2\"}\n".repeat(3).as_str());
    let same = [&COMMON[..], &["--resume"]].concat();
    let error = refused(&mut place.command("fewer.jsonl", "out", &same));
    assert!(error.contains("the digest of the examples was"), "{error}");

    place.train("out", &same);
    let error = refused(&mut place.command("examples.jsonl", "out", &same));
    assert!(error.contains("out exists and is not empty"), "{error}");
}

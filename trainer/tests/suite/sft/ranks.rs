//! Several ranks train together, each a process.

use std::process::{Child, Stdio};

use retrial_native::testing::free_port;

use super::fixture::{Place, difference, number};

/// Starts this many ranks on the same training; rank 1 reads `data`.
fn start(place: &Place, world: usize, data: &str, out: &str, more: &[&str]) -> Vec<Child> {
    let port = free_port().to_string();
    let start = |rank: usize| {
        let data = if rank == 1 { data } else { "examples.jsonl" };
        let mut command = place.command(data, out, more);
        command.args(["--rank-timeout", "30"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("RANK", rank.to_string()).env("WORLD_SIZE", world.to_string());
        command.env("MASTER_ADDR", "127.0.0.1").env("MASTER_PORT", &port).spawn().unwrap()
    };
    (0..world).map(start).collect()
}

/// What each has said on standard output, after all have ended well.
fn succeed(ranks: Vec<Child>) -> Vec<String> {
    let end = |rank: Child| {
        let output = rank.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    ranks.into_iter().map(end).collect()
}

#[test]
fn ranks_train_the_model_of_one() {
    let place = Place::new(36);
    let common = ["--epochs", "2", "--held-out-share", "0.1", "--save-every", "3"];
    let lora = ["--lora-rank", "3", "--lora-alpha", "6"];
    for (name, more, tolerance) in [
        ("f32", &[][..], 1e-4),
        ("lora", &lora[..], 1e-4),
        ("bf16", &["--precision", "bf16"], 1e-2),
    ] {
        let more = [&common[..], more].concat();
        let (alone, together) = (format!("{name}-alone"), format!("{name}-together"));
        place.train(&alone, &more);
        let said = succeed(start(&place, 2, "examples.jsonl", &together, &more));
        assert!(said[0].contains("step 8/8  loss ") && said[1].is_empty(), "{said:?}");
        let apart = difference(&place.model(&alone), &place.model(&together));
        assert!(apart < tolerance, "{name}: {apart}");
        let pairs = place.metrics(&alone).into_iter().zip(place.metrics(&together));
        for (one, two) in pairs.skip(1) {
            let apart = number(&one, "loss") - number(&two, "loss");
            assert!(apart.abs() < 10.0 * tolerance, "{name}: {one} {two}");
        }
    }
}

#[test]
fn what_ranks_began_one_can_continue() {
    let place = Place::new(36);
    let common = ["--epochs", "2", "--save-every", "2"];
    let more = [&common[..], &["--crash-at", "after-train@5"]].concat();
    for rank in start(&place, 2, "examples.jsonl", "out", &more) {
        assert!(!rank.wait_with_output().unwrap().status.success());
    }
    place.train("whole", &common);
    place.train("out", &[&common[..], &["--resume"]].concat());
    let apart = difference(&place.model("whole"), &place.model("out"));
    assert!(apart < 1e-4, "{apart}");
}

#[test]
fn ranks_with_other_examples_are_refused() {
    let place = Place::new(16);
    place.write("other.jsonl", "{\"prompt\": \"1\", \"response\": \"2\"}\n");
    for rank in start(&place, 2, "other.jsonl", "out", &[]) {
        let output = rank.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("rank 1 reads other examples than rank 0"), "{error}");
    }
}

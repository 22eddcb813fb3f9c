//! What is trained, and what is said of it.

use std::process::Stdio;

use retrial_text::Text;
use tch::{Device, Kind, Tensor};

use super::fixture::{Place, difference, example, names, number, refused};

/// The mean negative log-likelihood of the responses of the first examples under the base, each in a row
/// of its own, padded on the right.
fn padded_loss(place: &Place, examples: usize) -> f64 {
    let text = Text::load(&place.path("base")).unwrap();
    let model = place.model("base");
    let (mut rows, mut spans, mut longest) = (vec![], vec![], 0);
    for (prompt, response) in (0..examples).map(example) {
        let prompt = text.prompt(&prompt).unwrap();
        let mut response = text.encode(&response).unwrap();
        response.push(text.end_token().unwrap());
        spans.push((prompt.len(), response.len()));
        let row: Vec<i64> = prompt.into_iter().chain(response).map(i64::from).collect();
        longest = longest.max(row.len());
        rows.push(row);
    }
    for row in &mut rows {
        row.resize(longest, 0);
    }
    let ids = Tensor::from_slice2(&rows);
    let logs = tch::no_grad(|| model.logits(&model.prefill(&ids).0).log_softmax(-1, Kind::Double));
    let (mut sum, mut count) = (0.0, 0);
    for (row, (prompt, response)) in spans.into_iter().enumerate() {
        for (place, id) in rows[row].iter().enumerate().skip(prompt).take(response) {
            sum -= logs.double_value(&[row as i64, place as i64 - 1, *id]);
        }
        count += response;
    }
    sum / f64::from(u32::try_from(count).unwrap())
}

#[test]
fn the_loss_of_packed_examples_is_that_of_padded_ones() {
    let place = Place::new(16);
    place.train("packed", &["--batch", "16"]);
    place.train("single", &["--batch", "16", "--micro-batch-tokens", "1"]);
    let padded = padded_loss(&place, 16);
    for out in ["packed", "single"] {
        let loss = number(&place.metrics(out)[0], "loss");
        assert!((loss - padded).abs() < 1e-5, "{out}: {loss} and {padded}");
    }
    assert!(difference(&place.model("packed"), &place.model("single")) < 1e-5);
}

#[test]
fn it_learns_and_says_how_it_goes_to_a_pipe() {
    let place = Place::new(32);
    let said = place.train("out", &["--epochs", "6", "--held-out-share", "0.25"]);
    assert!(said.starts_with("examples: 32 examples of 32 rows, "), "{said}");
    assert!(said.contains("\nheld out: 8 of them\n"), "{said}");
    assert!(said.contains("\nstep 0/18  held-out loss "), "{said}");
    let first = said.lines().find(|line| line.starts_with("step 1/18  loss ")).unwrap();
    assert!(first.contains(" tokens/s  ") && first.ends_with(" left"), "{first}");
    assert!(said.ends_with("wrote out\n"), "{said}");

    let metrics = place.metrics("out");
    let steps: Vec<f64> = metrics.iter().map(|line| number(line, "step")).collect();
    assert_eq!(steps, (0..=18).map(f64::from).collect::<Vec<_>>());
    for line in &metrics[1..] {
        assert!(number(line, "grad_norm") > 0.0 && number(line, "tokens_per_second") > 0.0);
    }
    // A pass has three steps.
    let measured: Vec<(f64, f64)> = metrics
        .iter()
        .filter(|line| line["held_out_loss"].is_f64())
        .map(|line| (number(line, "epoch"), number(line, "held_out_loss")))
        .collect();
    let epochs: Vec<f64> = measured.iter().map(|(epoch, _)| *epoch).collect();
    assert_eq!(epochs, (0..=6).map(f64::from).collect::<Vec<_>>());
    assert!(measured[6].1 < measured[0].1 - 0.5, "{measured:?}");
    assert!(number(&metrics[18], "loss") < number(&metrics[1], "loss") - 0.5);
    let expected = [
        "config.json",
        "model.safetensors",
        "sft.jsonl",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(names(&place.path("out")), expected);
    assert!(!place.path("out.partial").exists());
}

#[test]
fn the_held_out_loss_is_the_loss_of_those_examples() {
    let place = Place::new(16);
    let more = ["--batch", "16", "--held-out", "examples.jsonl", "--epochs", "4", "--eval-every"];
    place.train("out", &[&more[..], &["2"]].concat());
    let metrics = place.metrics("out");
    let held_out = |step: usize| metrics[step]["held_out_loss"].as_f64();
    // The loss of a step is that of the weights before it.
    let apart = held_out(0).unwrap() - number(&metrics[1], "loss");
    assert!(apart.abs() < 1e-6, "{apart}");
    let apart = held_out(2).unwrap() - number(&metrics[3], "loss");
    assert!(apart.abs() < 1e-6, "{apart}");
    assert!(held_out(1).is_none() && held_out(3).is_none() && held_out(4).is_some());
}

#[test]
fn an_adapter_is_trained_in_place_of_the_model() {
    let place = Place::new(32);
    let lora = ["--epochs", "4", "--lora-rank", "4", "--lora-alpha", "8"];
    let lora = [&lora[..], &["--lora-targets", "q_proj,v_proj,down_proj"]].concat();
    place.train("adapter", &lora);
    place.train("merged", &[&lora[..], &["--merge"]].concat());
    let found = names(&place.path("adapter"));
    assert!(found.contains(&"adapter_model.safetensors".to_owned()), "{found:?}");
    assert!(!found.contains(&"model.safetensors".to_owned()), "{found:?}");
    // Where it is loaded, it is put on the model that it was trained on.
    let (adapter, merged) = (place.model("adapter"), place.model("merged"));
    assert_eq!(difference(&adapter, &merged), 0.0);
    assert!(difference(&place.model("base"), &merged) > 1e-3);
    let metrics = place.metrics("adapter");
    assert!(number(&metrics[15], "loss") < number(&metrics[0], "loss") - 0.1);
    assert!(!names(&place.path("merged")).contains(&"adapter_model.safetensors".to_owned()));
}

#[test]
fn bf16_and_recomputation_train_alike() {
    let place = Place::new(16);
    place.train("f32", &[]);
    place.train("recomputed", &["--recompute"]);
    place.train("bf16", &["--precision", "bf16"]);
    assert!(difference(&place.model("f32"), &place.model("recomputed")) < 1e-5);
    assert!(difference(&place.model("f32"), &place.model("bf16")) < 2e-2);
    let size = |out: &str| place.weights(out).len();
    assert!(size("bf16") < size("f32") * 6 / 10);
    let error = refused(&mut place.command("examples.jsonl", "out", &["--device", "cuda:7"]));
    assert!(error.contains("no device cuda:7"), "{error}");
}

#[test]
fn a_reader_that_goes_away_does_not_end_it() {
    let place = Place::new(16);
    let mut child =
        place.command("examples.jsonl", "out", &[]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(place.model("out").device(), Device::Cpu);
}

#[test]
fn a_model_without_weights_starts_from_those_of_the_seed() {
    let place = Place::new(8);
    std::fs::remove_file(place.path("base/model.safetensors")).unwrap();
    place.train("one", &["--seed", "5"]);
    place.train("same", &["--seed", "5"]);
    place.train("other", &["--seed", "6"]);
    assert!(place.weights("one") == place.weights("same"));
    assert!(place.weights("one") != place.weights("other"));
    let lora = ["--lora-rank", "2", "--lora-alpha", "4"];
    let error = refused(&mut place.command("examples.jsonl", "adapter", &lora));
    assert!(error.contains("has no weights, which an adapter needs"), "{error}");
}

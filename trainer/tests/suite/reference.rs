//! The decoder against Hugging Face transformers: `reference/make.py` made the numbers.

use std::path::PathBuf;

use retrial_trainer::compute::{Compute, Keep};
use retrial_trainer::model::{Decoder, read_named, write_tensors};
use retrial_trainer::update::forward_backward::score;
use retrial_trainer::update::sequences::Sequence;
use retrial_trainer::update::{self, Learner};
use tch::{Device, Kind, Tensor};

use crate::common;
use crate::common::transformers::{
    Reference, check_logits, check_token_by_token, copy, error_of, largest_difference,
    relative_difference, rows, scores_and_gradients, sequences,
};

/// All families with their options: q/k-norm and an own output matrix or none; biases of queries,
/// keys and values; shards and scaled rotary positions; biases everywhere.
const MODELS: [&str; 5] = ["untied", "tied", "qwen2", "llama", "llama_biased"];

fn folder(name: &str) -> PathBuf {
    common::reference(name)
}

fn reference(name: &str) -> Reference {
    Reference::load(&folder(name))
}

#[test]
fn logits_equal_those_of_transformers() {
    for name in MODELS {
        check_logits(name, &reference(name));
    }
}

#[test]
fn scores_and_gradients_equal_those_of_transformers_however_they_are_computed() {
    let together: &[&[i64]] = &[&[0, 1, 2]];
    let apart: &[&[i64]] = &[&[0], &[1], &[2]];
    for name in MODELS {
        let reference = reference(name);
        for groups in [together, apart] {
            for keep in [Keep::Graphs, Keep::Inputs] {
                let (logprobs, entropies, gradients) =
                    scores_and_gradients(&reference, Kind::Float, keep, groups);
                let difference = largest_difference(&logprobs, &reference.logprobs)
                    .max(largest_difference(&entropies, &reference.entropies));
                assert!(difference < 1e-4, "{name} {keep:?}: {difference}");
                let named = reference.model.parameters().iter().zip(&gradients);
                for (((parameter, _), found), expected) in named.zip(&reference.gradients) {
                    let difference = relative_difference(found, expected);
                    assert!(difference < 1e-3, "{name} {keep:?} {parameter}: {difference}");
                }
            }
        }
    }
}

/// How far transformers is from a reference in bf16: mean error of a log-probability, relative error
/// of the gradient.
fn bf16_of_transformers(name: &str) -> [f64; 2] {
    let file = folder(name).join("expected.safetensors");
    let found = read_named(&file, &[("bf16".to_owned(), vec![2])]).unwrap();
    [found[0].double_value(&[0]), found[0].double_value(&[1])]
}

#[test]
fn bf16_differs_by_no_more_than_that_of_transformers() {
    for name in MODELS {
        let reference = reference(name);
        let groups: &[&[i64]] = &[&[0, 1], &[2]];
        let (logprobs, _, gradients) =
            scores_and_gradients(&reference, Kind::BFloat16, Keep::Inputs, groups);
        let of_logprobs = (&logprobs - &reference.logprobs).abs().mean(None).double_value(&[]);
        assert!(gradients.iter().all(|gradient| gradient.kind() == Kind::Float));
        let norm = |tensors: &mut dyn Iterator<Item = Tensor>| {
            let norms: Vec<Tensor> = tensors.map(|tensor| tensor.norm()).collect();
            Tensor::stack(&norms, 0).norm().double_value(&[])
        };
        let pairs = gradients.iter().zip(&reference.gradients);
        let of_gradient = norm(&mut pairs.map(|(found, expected)| found - expected))
            / norm(&mut reference.gradients.iter().map(Tensor::shallow_clone));
        for (found, theirs) in
            [of_logprobs, of_gradient].into_iter().zip(bf16_of_transformers(name))
        {
            assert!(found > 0.0 && found < 1.3 * theirs, "{name}: {found}, theirs {theirs}");
        }
    }
}

#[test]
fn sequences_of_unlike_length_do_not_see_each_other() {
    let reference = reference("untied");
    let ids = rows(&reference.ids);
    // The last two have the same length: they share an attention call.
    let cut: Vec<Vec<u32>> =
        ids.iter().zip([9, 25, 25]).map(|(row, length)| row[..length].to_vec()).collect();
    let scores = score(&reference.model, Kind::Float, &sequences(&cut), 1.0);
    let rows = cut.iter().enumerate();
    let expected: Vec<Tensor> = rows
        .map(|(row, ids)| reference.logprobs.get(row as i64).narrow(0, 0, ids.len() as i64 - 1))
        .collect();
    let difference = largest_difference(&scores.logprobs, &Tensor::cat(&expected, 0));
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn token_by_token_equals_the_whole_sequence() {
    for name in MODELS {
        check_token_by_token(name, &reference(name));
    }
}

#[test]
fn the_learner_scores_sequences_in_micro_batches() {
    let Reference { model, ids, logits, logprobs, .. } = reference("untied");
    let ids = rows(&ids);
    let learner = Learner::new(model, Compute::default());
    let cut: Vec<Vec<u32>> =
        ids.iter().zip([40, 25, 9]).map(|(row, length)| row[..length].to_vec()).collect();
    for (row, found) in
        (0..).zip(update::logprobs(&learner.model, learner.compute.kind, &cut, 1.0, 64))
    {
        for (position, &logprob) in found.iter().enumerate() {
            let expected = logprobs.double_value(&[row, position as i64]);
            let difference = (f64::from(logprob) - expected).abs();
            assert!(difference < 1e-4, "sequence {row}, token {position}: {difference}");
        }
    }
    // The temperature divides the logits.
    let (prompt, response) = ids[0].split_at(30);
    let scored = score(&learner.model, Kind::Float, &[Sequence { prompt, response }], 2.0);
    let expected = (logits.get(0).get(29) / 2.0).log_softmax(-1, Kind::Float);
    let difference =
        scored.logprobs.double_value(&[0]) - expected.double_value(&[i64::from(response[0])]);
    assert!(difference.abs() < 1e-4);
}

#[test]
fn a_damaged_folder_is_named_with_what_is_wrong() {
    let copy = copy(&folder("untied"));
    let folder = copy.path();
    let weights = folder.join("model.safetensors");
    let config = folder.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();

    // The configuration asks for a layer that the weights do not have.
    let deeper = text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    std::fs::write(&config, deeper).unwrap();
    let error = error_of(folder);
    assert!(error.contains("model.safetensors lacks 11 tensors"), "{error}");
    assert!(error.contains("model.layers.2.self_attn.q_proj.weight"), "{error}");

    let wider = text.replace("\"intermediate_size\": 48", "\"intermediate_size\": 64");
    std::fs::write(&config, wider).unwrap();
    let error = error_of(folder);
    assert!(error.contains("has shape [48, 32], config.json asks for [64, 32]"), "{error}");

    // The weights have a layer that the configuration does not ask for.
    let flatter = text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    std::fs::write(&config, flatter.replace("\"full_attention\",", "")).unwrap();
    let error = error_of(folder);
    assert!(error.contains("has 11 tensors that config.json does not ask for: model.layers.1.input_layernorm.weight"), "{error}");

    let refused = [
        (
            "\"model_type\": \"qwen3\"",
            "\"model_type\": \"gpt2\"",
            "model_type `gpt2` is not supported",
        ),
        (
            "\"rope_type\": \"default\"",
            "\"rope_type\": \"longrope\"",
            "rotary scaling `longrope` is not supported",
        ),
        (
            "\"rope_type\": \"default\"",
            "\"rope_type\": \"llama3\"",
            "is not complete: missing field `factor`",
        ),
        (
            "\"hidden_act\": \"silu\"",
            "\"hidden_act\": \"gelu\"",
            "hidden_act `gelu` is not supported",
        ),
        (
            "\"full_attention\"",
            "\"sliding_attention\"",
            "sliding-window attention is not supported",
        ),
    ];
    for (from, to, expected) in refused {
        assert!(text.contains(from), "{text}");
        std::fs::write(&config, text.replace(from, to)).unwrap();
        let error = error_of(folder);
        assert!(error.contains(expected) && error.contains("hint: dense models"), "{error}");
    }
    // The same weights are a Llama with two norms too many.
    std::fs::write(&config, text.replace("qwen3", "llama")).unwrap();
    let error = error_of(folder);
    assert!(error.contains("has 4 tensors") && error.contains("q_norm"), "{error}");

    std::fs::write(&config, &text).unwrap();
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    let error = error_of(folder);
    assert!(error.contains("model.safetensors is not valid"), "{error}");

    std::fs::remove_file(&weights).unwrap();
    let error = error_of(folder);
    assert!(error.contains("cannot read") && error.contains("model.safetensors"), "{error}");
}

#[test]
fn a_model_is_written_as_it_was_read() {
    for name in MODELS {
        let model = Decoder::load(&folder(name), Device::Cpu).unwrap();
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(folder(name).join("config.json"), copy.path().join("config.json")).unwrap();
        let file = copy.path().join("model.safetensors");
        for (kind, tolerance) in [(Kind::Float, 0.0), (Kind::BFloat16, 0.004)] {
            write_tensors(&file, model.parameters(), kind).unwrap();
            let again = Decoder::load(copy.path(), Device::Cpu).unwrap();
            for ((name, a), (_, b)) in model.parameters().iter().zip(again.parameters()) {
                assert!(relative_difference(b, a) <= tolerance, "{name}");
            }
        }
        // Tensors begin at a multiple of 8 bytes, which readers that map the file rely on.
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(u64::from_le_bytes(bytes[..8].try_into().unwrap()) % 8, 0);
    }
}

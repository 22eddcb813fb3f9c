//! Further families and rotary scalings: against Hugging Face transformers
//! (`reference/families.py` made the numbers), trained, written, read again and sampled from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use retrial_protocol::ScoreRequest;
use retrial_text::Text;
use retrial_trainer::compute::{Compute, Keep};
use retrial_trainer::model::{Decoder, KvCache, write_tensors};
use retrial_trainer::policy::command::{Options, Products};
use retrial_trainer::policy::engine::Engine;
use retrial_trainer::policy::sampling::{LogprobsMode, Sampling};
use retrial_trainer::policy::sequence::{Job, Output};
use retrial_trainer::trainer::Trainer;
use retrial_trainer::update::forward_backward::score;
use retrial_trainer::update::sequences::Sequence;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use tempfile::{TempDir, tempdir};

use crate::common::transformers::{
    Reference, VOCABULARY, check_logits, check_token_by_token, copy, error_of, largest_difference,
    scores_and_gradients,
};
use crate::common::{self, batch, request};

const MODELS: [&str; 9] = [
    "mistral",
    "smollm3",
    "olmo2",
    "gemma3",
    "qwen3_moe",
    "qwen3_window",
    "yarn",
    "linear",
    "dynamic",
];

fn folder(name: &str) -> PathBuf {
    common::reference("families").join(name)
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
fn scores_and_gradients_equal_those_of_transformers() {
    let together: &[&[i64]] = &[&[0, 1, 2]];
    let apart: &[&[i64]] = &[&[0], &[1], &[2]];
    for name in MODELS {
        let reference = reference(name);
        for (groups, keep) in [(together, Keep::Graphs), (apart, Keep::Inputs)] {
            let (logprobs, entropies, gradients) =
                scores_and_gradients(&reference, Kind::Float, keep, groups);
            let difference = largest_difference(&logprobs, &reference.logprobs)
                .max(largest_difference(&entropies, &reference.entropies));
            assert!(difference < 1e-4, "{name} {keep:?}: {difference}");
            let named = reference.model.parameters().iter().zip(&gradients);
            for (((parameter, _), found), expected) in named.zip(&reference.gradients) {
                let scale = expected.abs().max().double_value(&[]).max(1.0);
                let difference = largest_difference(found, expected) / scale;
                assert!(difference < 1e-4, "{name} {keep:?} {parameter}: {difference}");
            }
        }
    }
}

#[test]
fn token_by_token_equals_the_whole_sequence() {
    for name in MODELS {
        check_token_by_token(name, &reference(name));
    }
}

/// A model folder with a tokenizer of one letter a token.
fn with_tokenizer(name: &str) -> TempDir {
    let copy = copy(&folder(name));
    let letters = (0..VOCABULARY as u32).map(|id| {
        let letter = char::from_u32(0x100 + id).unwrap();
        (letter.to_string(), Value::from(id))
    });
    let vocabulary: serde_json::Map<_, _> = letters.collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "post_processor": null, "decoder": null,
        "pre_tokenizer": { "type": "Split", "pattern": { "Regex": "." }, "behavior": "Isolated", "invert": false },
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "\u{100}" },
    });
    std::fs::write(copy.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    std::fs::write(copy.path().join("tokenizer_config.json"), "{}").unwrap();
    copy
}

#[test]
fn a_family_is_trained_written_and_read_again() {
    for name in ["mistral", "smollm3", "olmo2", "gemma3", "qwen3_moe"] {
        let (base, versions) = (with_tokenizer(name), tempdir().unwrap());
        let mut trainer =
            Trainer::open(base.path(), versions.path(), 3, None, Compute::default(), None).unwrap();
        let request = request(1, batch(&trainer));
        let report = trainer.train(&request).unwrap();
        assert!(report.metrics.grad_norm > 0.0, "{name}");

        let model = Decoder::load(&report.folder, Device::Cpu).unwrap();
        let sample = &request.batch.samples[0];
        let sequence: Vec<u32> = sample.prompt.iter().chain(&sample.response).copied().collect();
        let (prompt, response) = sequence.split_at(1);
        let found = score(&model, Kind::Float, &[Sequence { prompt, response }], 1.0).logprobs;
        let ask =
            ScoreRequest { sequences: vec![sequence.clone()], temperature: 1.0, version: None };
        let expected = Tensor::from_slice(&trainer.score(&ask).unwrap().logprobs[0]);
        assert!(largest_difference(&found, &expected) < 1e-6, "{name}");
        let before = Decoder::load(base.path(), Device::Cpu).unwrap();
        let of_base = score(&before, Kind::Float, &[Sequence { prompt, response }], 1.0).logprobs;
        assert!(largest_difference(&found, &of_base) > 1e-6, "{name} did not learn");
    }
}

/// Responses of the embedded server whose cache has this much memory.
async fn sampled(folder: &Path, products: Products, cache_bytes: usize) -> Vec<(Vec<u32>, Output)> {
    let model = Decoder::load(folder, Device::Cpu).unwrap();
    let text = Arc::new(Text::load(folder).unwrap());
    let mode = LogprobsMode::Processed;
    let options = Options {
        max_sequences: 32,
        context: 320,
        logprobs: mode,
        threads: 1,
        compute: Compute::default(),
        products,
    };
    let engine = Engine::start_within(model, folder.into(), text, options, cache_bytes).unwrap();
    let job = |first: u32| Job {
        prompt: (0..3 + first % 19).map(|i| (first * 7 + i * 5) % VOCABULARY as u32).collect(),
        n: 2,
        seed: u64::from(first),
        // Long enough for the cache to grow meanwhile.
        max_tokens: 140,
        sampling: Sampling::default(),
        top_logprobs: 0,
        prompt_logprobs: None,
        stop: vec![],
        stop_tokens: vec![],
        ignore_end: true,
    };
    let jobs: Vec<Job> = (0..6).map(job).collect();
    let asked = jobs.iter().map(|job| engine.generate(job.clone()));
    let done = futures::future::try_join_all(asked).await.unwrap();
    let outputs = jobs.iter().zip(done).flat_map(|(job, completion)| {
        completion.outputs.into_iter().map(|output| (job.prompt.to_vec(), output))
    });
    outputs.collect()
}

#[tokio::test]
async fn the_embedded_server_samples_from_each_family() {
    for name in ["mistral", "smollm3", "olmo2", "gemma3", "qwen3_moe"] {
        let folder = changed(name, |config| config["max_position_embeddings"] = 320.into());
        let model = Decoder::load(folder.path(), Device::Cpu).unwrap();
        for products in [Products::Best, Products::Own] {
            let outputs = sampled(folder.path(), products, usize::MAX).await;
            for (prompt, output) in &outputs {
                let sequence = Sequence { prompt, response: &output.tokens };
                let expected = score(&model, Kind::Float, &[sequence], 1.0).logprobs;
                let found = Tensor::from_slice(&output.logprobs);
                assert!(largest_difference(&found, &expected) < 1e-4, "{name}, {products:?}");
            }
            // A cache with room for all, for a few, for none: the same result, bit for bit.
            let room_for_few = KvCache::bytes(model.config(), 1, 161);
            for cache_bytes in [room_for_few, 0] {
                let again = sampled(folder.path(), products, cache_bytes).await;
                assert_eq!(again, outputs, "{name}, {products:?}");
            }
        }
    }
}

fn changed(name: &str, change: impl Fn(&mut Value)) -> TempDir {
    let copy = with_tokenizer(name);
    let path = copy.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    std::fs::write(&path, config.to_string()).unwrap();
    copy
}

#[test]
fn an_unknown_family_is_refused_with_the_known_ones() {
    let folder = changed("olmo2", |config| config["model_type"] = "qwen3_5_text".into());
    let error = error_of(folder.path());
    assert!(error.contains("model_type `qwen3_5_text` is not supported"), "{error}");
    for family in ["gemma3_text", "llama", "mistral", "olmo2", "qwen3_moe", "smollm3"] {
        assert!(error.contains(family), "{error}");
    }
}

#[test]
fn settings_that_would_change_the_numbers_are_refused() {
    let cases = [
        ("gemma3", "final_logit_softcapping", json!(30.0), "final_logit_softcapping"),
        ("gemma3", "use_bidirectional_attention", json!(true), "use_bidirectional_attention"),
        ("qwen3_moe", "mlp_only_layers", json!([0]), "in some layers only"),
        ("qwen3_moe", "num_experts_per_tok", json!(7), "num_experts_per_tok is 7"),
        ("linear", "partial_rotary_factor", json!(0.5), "partial_rotary_factor"),
    ];
    for (name, key, value, expected) in cases {
        let folder = changed(name, |config| config[key] = value.clone());
        let error = error_of(folder.path());
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn a_window_that_slides_on_no_layer_is_full_attention() {
    let full = changed("qwen3_window", |config| {
        config["use_sliding_window"] = false.into();
        config["layer_types"] = Value::Null;
    });
    let none = changed("qwen3_window", |config| {
        config["max_window_layers"] = 2.into();
        config["layer_types"] = Value::Null;
    });
    let [full, none] =
        [full, none].map(|folder| Decoder::load(folder.path(), Device::Cpu).unwrap());
    assert_eq!(full.config(), none.config());
    assert!(none.config().kinds.iter().all(|kind| kind.window.is_none()));
}

#[test]
fn a_tied_model_may_have_a_copy_of_its_embedding_and_no_other_head() {
    let write = |folder: &Path, head: fn(&Tensor) -> Tensor| {
        let model = Decoder::load(&self::folder("smollm3"), Device::Cpu).unwrap();
        let named = model.parameters().iter();
        let mut all: Vec<_> =
            named.map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect();
        all.push(("lm_head.weight".into(), head(&all[0].1)));
        let file = folder.join("model.safetensors");
        write_tensors(&file, &all, Kind::Float).unwrap();
    };
    let folder = with_tokenizer("smollm3");
    write(folder.path(), Tensor::copy);
    assert!(Decoder::load(folder.path(), Device::Cpu).is_ok());
    write(folder.path(), |embedding| embedding * 2.0);
    let error = error_of(folder.path());
    assert!(error.contains("an `lm_head.weight` that differs from the embedding"), "{error}");
    assert!(error.contains("hint: set \"tie_word_embeddings\""), "{error}");
}

#[test]
fn an_adapter_beside_a_whole_model_is_not_heeded() {
    let folder = with_tokenizer("olmo2");
    let adapter = json!({ "peft_type": "LORA", "r": 8 }).to_string();
    std::fs::write(folder.path().join("adapter_config.json"), adapter).unwrap();
    assert!(Decoder::load(folder.path(), Device::Cpu).is_ok());
}

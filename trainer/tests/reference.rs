//! The decoder against Hugging Face transformers: `reference/make.py` made the numbers.

use std::path::{Path, PathBuf};

use retrial_trainer::learner::Learner;
use retrial_trainer::model::{KvCache, Qwen3, read_named};
use retrial_trainer::sequences::{Sequence, score};
use tch::{Device, Kind, Tensor};

const SEQUENCES: i64 = 3;
const TOKENS: i64 = 40;
const VOCABULARY: i64 = 67;

struct Reference {
    model: Qwen3,
    /// `[3, 40]`.
    ids: Tensor,
    /// `[3, 40, 67]`.
    logits: Tensor,
}

fn reference(name: &str) -> Reference {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
    let layout = [
        ("ids".to_owned(), vec![SEQUENCES, TOKENS]),
        ("logits".to_owned(), vec![SEQUENCES, TOKENS, VOCABULARY]),
    ];
    let mut tensors = read_named(&folder.join("expected.safetensors"), &layout).unwrap();
    let logits = tensors.pop().unwrap();
    let ids = tensors.pop().unwrap().to_kind(Kind::Int64);
    Reference { model: Qwen3::load(&folder, Device::Cpu).unwrap(), ids, logits }
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

fn rows(ids: &Tensor) -> Vec<Vec<u32>> {
    Vec::<Vec<i64>>::try_from(ids)
        .unwrap()
        .into_iter()
        .map(|row| row.into_iter().map(|id| id as u32).collect())
        .collect()
}

#[test]
fn logits_equal_those_of_transformers() {
    for name in ["untied", "tied"] {
        let Reference { model, ids, logits } = reference(name);
        let found = model.logits(&model.hidden(&ids));
        let difference = largest_difference(&found, &logits);
        assert!(difference < 1e-4, "{name}: {difference}");
    }
}

#[test]
fn token_by_token_equals_the_whole_sequence() {
    let Reference { model, ids, logits } = reference("untied");
    let _guard = tch::no_grad_guard();
    let mut cache = KvCache::new(model.config(), SEQUENCES as usize, TOKENS as usize, Device::Cpu);
    // Prompts of different lengths, so that rows stand at different positions.
    let lengths = [7, 20, 33];
    for (row, length) in (0..).zip(lengths) {
        let (_, kept) = model.prefill(&ids.narrow(0, row, 1).narrow(1, 0, length));
        cache.push(&kept, 0, length as usize);
    }
    let ids = rows(&ids);
    for offset in 0..7 {
        let next: Vec<u32> =
            ids.iter().zip(lengths).map(|(row, length)| row[length as usize + offset]).collect();
        let found = model.logits(&model.decode(&next, &mut cache));
        for (row, length) in (0..).zip(lengths) {
            let expected = logits.get(row).get(length + offset as i64);
            let difference = largest_difference(&found.get(row), &expected);
            assert!(difference < 1e-4, "row {row}, token {offset}: {difference}");
        }
    }
}

#[test]
fn scores_are_the_log_softmax_of_the_logits() {
    let Reference { model, ids, logits } = reference("untied");
    let expected = logits.log_softmax(-1, Kind::Float);
    let ids = rows(&ids);
    let learner = Learner::new(model);
    // Of different lengths, so that some are padded.
    let sequences: Vec<Vec<u32>> =
        ids.iter().zip([40, 25, 9]).map(|(row, length)| row[..length].to_vec()).collect();
    for (row, logprobs) in learner.logprobs(&sequences, 1.0, 64).iter().enumerate() {
        for (position, &logprob) in logprobs.iter().enumerate() {
            let index = [row as i64, position as i64, i64::from(sequences[row][position + 1])];
            let difference = (f64::from(logprob) - expected.double_value(&index)).abs();
            assert!(difference < 1e-4, "sequence {row}, token {position}: {difference}");
        }
    }
    // The temperature divides the logits.
    let (prompt, response) = ids[0].split_at(30);
    let scored = score(&learner.model, &[Sequence { prompt, response }], 2.0);
    let expected = (logits.get(0).get(29) / 2.0).log_softmax(-1, Kind::Float);
    let difference =
        scored.logprobs.double_value(&[0]) - expected.double_value(&[i64::from(response[0])]);
    assert!(difference.abs() < 1e-4);
}

/// A copy of a reference folder to damage.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(from.join(file), folder.path().join(file)).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}

fn error_of(folder: &Path) -> String {
    Qwen3::load(folder, Device::Cpu).err().expect("the folder is damaged").to_string()
}

#[test]
fn a_damaged_folder_is_named_with_what_is_wrong() {
    let (_keep, folder) = copy("untied");
    let weights = folder.join("model.safetensors");
    let config = folder.join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();

    // The configuration asks for a layer that the weights do not have.
    let deeper = text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
    std::fs::write(&config, deeper).unwrap();
    let error = error_of(&folder);
    assert!(error.contains("model.safetensors lacks 11 tensors"), "{error}");
    assert!(error.contains("model.layers.2.self_attn.q_proj.weight"), "{error}");

    let wider = text.replace("\"intermediate_size\": 48", "\"intermediate_size\": 64");
    std::fs::write(&config, wider).unwrap();
    let error = error_of(&folder);
    assert!(error.contains("has shape [48, 32], config.json asks for [64, 32]"), "{error}");

    let other = text.replace("\"model_type\": \"qwen3\"", "\"model_type\": \"llama\"");
    std::fs::write(&config, other).unwrap();
    assert!(error_of(&folder).contains("model_type `llama` is not supported"));

    std::fs::write(&config, &text).unwrap();
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    let error = error_of(&folder);
    assert!(error.contains("model.safetensors is not valid"), "{error}");

    std::fs::remove_file(&weights).unwrap();
    let error = error_of(&folder);
    assert!(error.contains("cannot read") && error.contains("model.safetensors"), "{error}");
}

#[test]
fn shards_are_read_by_their_index() {
    let (_keep, folder) = copy("untied");
    let whole = Qwen3::load(&folder, Device::Cpu).unwrap();
    let parameters = whole.parameters();
    let (first, second) = parameters.split_at(parameters.len() / 2);
    let mut map = serde_json::Map::new();
    for (shard, tensors) in [("one.safetensors", first), ("two.safetensors", second)] {
        retrial_trainer::model::write_tensors(&folder.join(shard), tensors).unwrap();
        map.extend(tensors.iter().map(|(name, _)| (name.clone(), shard.into())));
    }
    std::fs::remove_file(folder.join("model.safetensors")).unwrap();
    let index = serde_json::json!({ "weight_map": map }).to_string();
    std::fs::write(folder.join("model.safetensors.index.json"), index).unwrap();

    let sharded = Qwen3::load(&folder, Device::Cpu).unwrap();
    for ((name, a), (_, b)) in parameters.iter().zip(sharded.parameters()) {
        assert_eq!(a, b, "{name}");
    }
}

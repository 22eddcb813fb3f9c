//! A tiny trainer on the reference model, and batches for it.

pub mod transformers;

use std::path::{Path, PathBuf};
use std::sync::Once;

use retrial_protocol::{Batch, Objective, Optimizer, Part, Sample, Step, TrainRequest};
use retrial_trainer::compute::{self, Compute};
use retrial_trainer::trainer::Trainer;

/// Sets up libtorch as the programs do, before a test computes anything.
pub fn ready() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| compute::ready(1));
}

/// A folder of `tests/reference`.
pub fn reference(name: &str) -> PathBuf {
    ready();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

/// The folder of the tiny model.
pub fn base() -> PathBuf {
    reference("untied")
}

/// A trainer with its versions in `folder`.
pub fn open(folder: &Path) -> Trainer {
    Trainer::open(&base(), folder, 3, None, Compute::default(), None).unwrap()
}

/// Log-probabilities of a response's tokens.
fn logprobs(trainer: &Trainer, prompt: &[u32], response: &[u32]) -> Vec<f32> {
    let sequence: Vec<u32> = prompt.iter().chain(response).copied().collect();
    let scores = trainer
        .score(&retrial_protocol::ScoreRequest {
            sequences: vec![sequence],
            temperature: 1.0,
            version: None,
        })
        .unwrap()
        .logprobs
        .remove(0);
    scores[prompt.len() - 1..].to_vec()
}

/// Sum of a response's log-probabilities.
pub fn likelihood(trainer: &Trainer, sample: &Sample) -> f32 {
    logprobs(trainer, &sample.prompt, &sample.response).iter().sum()
}

/// The bytes of a version's weights.
pub fn weights(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("model.safetensors")).unwrap()
}

/// A response of `length` tokens with ids from `first` on.
pub fn sample(trainer: &Trainer, first: u32, length: u32, advantage: f32, part: Part) -> Sample {
    let prompt = vec![first, first + 1, first + 2];
    let response: Vec<u32> = (0..length).map(|i| (first * 7 + i * 5) % 67).collect();
    let sampler_logprobs = logprobs(trainer, &prompt, &response);
    Sample { prompt, response, sampler_logprobs, advantage, part }
}

/// A batch of on-policy and hinted samples.
pub fn batch(trainer: &Trainer) -> Batch {
    let sample = |first, length, advantage, part| sample(trainer, first, length, advantage, part);
    Batch {
        samples: vec![
            sample(1, 6, -0.5, Part::OnPolicy),
            sample(30, 9, 1.5, Part::Hinted),
            sample(8, 3, 0.8, Part::OnPolicy),
            sample(41, 12, -0.8, Part::OnPolicy),
            sample(20, 5, 0.0, Part::OnPolicy),
        ],
    }
}

/// A request for a step.
pub fn request(step: u64, batch: Batch) -> TrainRequest {
    TrainRequest {
        step: Step(step),
        batch,
        temperature: 1.0,
        objective: Objective::default(),
        optimizer: Optimizer { learning_rate: 1e-3, epochs: 2, ..Optimizer::default() },
        micro_batch_tokens: 64,
    }
}

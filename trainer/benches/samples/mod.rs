//! The same samples for each benchmark of an update.

use retrial_protocol::{Batch, Objective, Optimizer, Part, Sample, Step, TrainRequest};

/// A request for an update on `samples` samples of this many tokens. A quarter of them is hinted.
pub fn request(
    samples: usize,
    vocabulary: usize,
    (prompt, response): (usize, usize),
    micro_batch_tokens: usize,
) -> TrainRequest {
    let ids = |from: usize, count: usize| -> Vec<u32> {
        (0..count).map(|i| ((from * 31 + i * 17) % vocabulary) as u32).collect()
    };
    let sample = |index: usize| Sample {
        prompt: ids(index, prompt),
        response: ids(index + 7, response),
        sampler_logprobs: vec![-1.0; response],
        advantage: if index.is_multiple_of(2) { 1.0 } else { -1.0 },
        part: if index.is_multiple_of(4) { Part::Hinted } else { Part::OnPolicy },
    };
    TrainRequest {
        step: Step(1),
        batch: Batch { samples: (0..samples).map(sample).collect() },
        temperature: 1.0,
        objective: Objective::default(),
        optimizer: Optimizer::default(),
        micro_batch_tokens,
    }
}

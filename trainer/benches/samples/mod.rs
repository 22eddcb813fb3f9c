//! The same samples for each benchmark of an update.

#![allow(dead_code, reason = "each benchmark takes what it needs")]

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

/// A request for an update on groups of `group` responses, `response` tokens each on average, to these
/// prompts. Where they are not `shared`, each sample's prompt has a first token of its own: as much
/// work to do alone, and nothing that could be done once.
pub fn groups(
    prompts: &[Vec<u32>],
    (group, response): (usize, usize),
    vocabulary: usize,
    shared: bool,
    micro_batch_tokens: usize,
) -> TrainRequest {
    let of_prompt = |(index, prompt): (usize, &Vec<u32>)| {
        let prompt = prompt.clone();
        (0..group).map(move |place| {
            let mut prompt = prompt.clone();
            if !shared {
                prompt[0] = (index * group + place) as u32;
            }
            let tokens = response * 2 / 3 + (index * 5 + place * 3) % (response * 2 / 3 + 1);
            let ids = (0..tokens).map(|i| ((index * 31 + place * 7 + i * 17) % vocabulary) as u32);
            Sample {
                prompt,
                response: ids.collect(),
                sampler_logprobs: vec![-1.0; tokens],
                advantage: if place.is_multiple_of(2) { 1.0 } else { -1.0 },
                part: if place.is_multiple_of(4) { Part::Hinted } else { Part::OnPolicy },
            }
        })
    };
    let samples = prompts.iter().enumerate().flat_map(of_prompt).collect();
    TrainRequest { batch: Batch { samples }, ..request(0, 1, (0, 0), micro_batch_tokens) }
}

//! Training tokens a second of one update, by the length of the responses.
//!
//! `cargo bench -p retrial-trainer --bench update`

use std::path::Path;
use std::time::Instant;

use retrial_protocol::{Batch, Objective, Optimizer, Part, Sample, Step, TrainRequest};
use retrial_trainer::compute::Compute;
use retrial_trainer::learner::Learner;
use retrial_trainer::model::Decoder;
use retrial_trainer::serving::set_threads;
use tch::Device;

const PROMPT: usize = 24;
const SAMPLES: usize = 384;
const ROUNDS: u32 = 5;

fn batch(vocabulary: usize, response: usize) -> Batch {
    let ids = |from: usize, count: usize| -> Vec<u32> {
        (0..count).map(|i| ((from * 31 + i * 17) % vocabulary) as u32).collect()
    };
    let sample = |index: usize| Sample {
        prompt: ids(index, PROMPT),
        response: ids(index + 7, response),
        sampler_logprobs: vec![-1.0; response],
        advantage: if index.is_multiple_of(2) { 1.0 } else { -1.0 },
        part: if index.is_multiple_of(4) { Part::Hinted } else { Part::OnPolicy },
    };
    Batch { samples: (0..SAMPLES).map(sample).collect() }
}

fn main() {
    set_threads(1);
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/dialects/base");
    let model = Decoder::load(&base, Device::Cpu).expect("the demo's model is in the repository");
    let (parameters, vocabulary) = (model.size(), model.config().vocabulary as usize);
    let room = model.config().context - PROMPT;
    let mut learner = Learner::new(model, Compute::default());
    println!(
        "one update: {SAMPLES} samples, prompts of {PROMPT} tokens, {parameters} parameters, \
         1 thread"
    );
    for response in [16, room / 2, room] {
        let request = TrainRequest {
            step: Step(1),
            batch: batch(vocabulary, response),
            temperature: 1.0,
            objective: Objective::default(),
            optimizer: Optimizer::default(),
            micro_batch_tokens: 8192,
        };
        let tokens = SAMPLES * (PROMPT + response);
        learner.update(&request).expect("the batch is sound");
        let clock = Instant::now();
        for _ in 0..ROUNDS {
            learner.update(&request).expect("the batch is sound");
        }
        let seconds = clock.elapsed().as_secs_f64() / f64::from(ROUNDS);
        println!(
            "responses of {response:3} tokens: {:7.0} tokens/s, {seconds:.3} s an update",
            tokens as f64 / seconds
        );
    }
}

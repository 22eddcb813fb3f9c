//! Training tokens a second of one update, by the length of the responses.
//!
//! `cargo bench -p retrial-trainer --profile dev --bench update`, with `-- --device cuda` and other
//! options for another model or device.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use retrial_protocol::{Batch, Objective, Optimizer, Part, Sample, Step, TrainRequest};
use retrial_trainer::compute::ComputeArgs;
use retrial_trainer::learner::Learner;
use retrial_trainer::model::Decoder;
use retrial_trainer::serving::set_threads;

const PROMPT: usize = 24;
const ROUNDS: u32 = 5;

#[derive(Parser)]
struct Cli {
    /// Folder of the model; one without weights gets random ones.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/dialects/base"))]
    model: PathBuf,
    #[arg(long, default_value_t = 384)]
    samples: usize,
    /// Response tokens; several lengths up to the context if not given.
    #[arg(long)]
    response: Option<usize>,
    #[arg(long, default_value_t = 8192)]
    micro_batch_tokens: usize,
    #[command(flatten)]
    compute: ComputeArgs,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn load(folder: &Path, device: tch::Device) -> Decoder {
    let weights = ["model.safetensors", "model.safetensors.index.json"];
    let loaded = if weights.iter().any(|name| folder.join(name).exists()) {
        Decoder::load(folder, device)
    } else {
        Decoder::fresh(folder, 1, device)
    };
    loaded.expect("the folder has a model")
}

fn batch(samples: usize, vocabulary: usize, response: usize) -> Batch {
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
    Batch { samples: (0..samples).map(sample).collect() }
}

fn main() {
    set_threads(1);
    let cli = Cli::parse();
    let compute = cli.compute.compute().expect("the device is there");
    let samples = cli.samples;
    let model = load(&cli.model, compute.device);
    let (parameters, vocabulary) = (model.size(), model.config().vocabulary as usize);
    let room = model.config().context - PROMPT;
    let responses = cli.response.map_or_else(|| vec![16, room / 2, room], |tokens| vec![tokens]);
    let mut learner = Learner::new(model, compute);
    println!(
        "one update: {samples} samples, prompts of {PROMPT} tokens, {parameters} parameters, \
         {compute:?}"
    );
    for response in responses {
        let request = TrainRequest {
            step: Step(1),
            batch: batch(samples, vocabulary, response),
            temperature: 1.0,
            objective: Objective::default(),
            optimizer: Optimizer::default(),
            micro_batch_tokens: cli.micro_batch_tokens,
        };
        let tokens = samples * (PROMPT + response);
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

//! Training tokens a second of one update, by the length of the responses. On a GPU also the model FLOPs
//! utilisation (MFU) and the peak memory, compared with
//! what `retrial check` predicts.
//!
//! `cargo bench -p retrial-trainer --profile dev --bench update`, with `-- --device cuda` and other
//! options for another model or device.

mod samples;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use retrial_native::memory;
use retrial_protocol::memory::{Shape, Training, peak};
use retrial_protocol::{Lora, Target};
use retrial_trainer::compute::{Compute, ComputeArgs, Keep, ready};
use retrial_trainer::model::lora::{self, NewAdapter};
use retrial_trainer::model::{Decoder, ModelConfig};
use retrial_trainer::update::Learner;
use tch::{Device, Kind};

const PROMPT: usize = 24;
const GIB: f64 = (1_u64 << 30) as f64;

#[derive(Parser)]
struct Cli {
    /// Folder of the model; one without weights gets random ones.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/dialects/base"))]
    model: PathBuf,
    #[arg(long, default_value_t = 384)]
    samples: usize,
    /// Response tokens; default: several lengths up to the context.
    #[arg(long)]
    response: Option<usize>,
    #[arg(long, default_value_t = 8192)]
    micro_batch_tokens: usize,
    /// Measured updates, after one that is not measured.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Rank of adapters on all matrices, which are trained in place of the weights.
    #[arg(long)]
    lora: Option<u32>,
    /// Peak of the device, in 10^12 operations a second: 989 of an H100 in bf16.
    #[arg(long, default_value_t = 989.0)]
    teraflops: f64,
    #[command(flatten)]
    compute: ComputeArgs,
    /// Cargo passes it.
    #[arg(long, hide = true)]
    bench: bool,
}

fn load(cli: &Cli, compute: Compute) -> Decoder {
    let folder = cli.model.as_path();
    let learns = cli.lora.is_none();
    let options = (if learns { Kind::Float } else { compute.kind }, compute.device);
    let weights = ["model.safetensors", "model.safetensors.index.json"];
    let loaded = if weights.iter().any(|name| folder.join(name).exists()) {
        Decoder::load_as(folder, options)
    } else {
        Decoder::fresh_as(folder, 1, options)
    };
    let model = loaded.expect("the folder has a model");
    let Some(form) = adapter(cli) else { return model };
    let adapter = lora::fresh(model.config(), &NewAdapter { form, seed: 1 }, folder);
    model.adapted(adapter)
}

fn adapter(cli: &Cli) -> Option<Lora> {
    let form = |rank| Lora { rank, alpha: 32.0, targets: Target::ALL.to_vec() };
    cli.lora.map(form)
}

/// Operations of an update for a token of a sequence of `length` tokens: two for a weight in a
/// forward pass, as many for the gradient of its input, and as many for its own gradient if it
/// is trained; causal attention, which sees half of the sequence. Recomputation does not count.
fn operations(config: &ModelConfig, parameters: usize, length: usize, learns: bool) -> f64 {
    let embedding = config.vocabulary * config.hidden;
    // Of two matrices of the vocabulary's size one is only looked up.
    let multiplied = parameters as i64 - if config.tied { 0 } else { embedding };
    let attention = config.layers as i64 * config.heads * config.head_width * length as i64;
    (if learns { 6 } else { 4 } * multiplied + 6 * attention) as f64
}

/// The peak memory that `retrial check` predicts, bytes.
fn predicted(cli: &Cli, compute: Compute, length: usize) -> u64 {
    let text = std::fs::read_to_string(cli.model.join("config.json")).expect("it was read");
    let shape: Shape = serde_json::from_str(&text).expect("it was read");
    let sequences = (cli.micro_batch_tokens / length).clamp(1, cli.samples);
    let training = Training {
        tokens: (sequences * length) as u64,
        response_tokens: (sequences * (length - PROMPT)) as u64,
        activation_bytes: compute.kind.elt_size_in_bytes() as u64,
        recompute: compute.keep == Keep::Inputs,
        lora: adapter(cli),
        reference: false,
        accelerator: compute.device != Device::Cpu,
        ranks: 1,
    };
    peak(&shape, &training)
}

fn main() {
    ready(1);
    let cli = Cli::parse();
    let compute = cli.compute.compute().expect("the device is there");
    let (samples, rounds) = (cli.samples, cli.rounds);
    let model = load(&cli, compute);
    let config = model.config().clone();
    let (parameters, vocabulary) = (model.size(), config.vocabulary as usize);
    let room = config.context - PROMPT;
    let responses = cli.response.map_or_else(|| vec![16, room / 2, room], |tokens| vec![tokens]);
    let mut learner = Learner::new(model, compute);
    println!(
        "one update: {samples} samples, prompts of {PROMPT} tokens, {parameters} parameters, \
         {compute:?}"
    );
    for response in responses {
        let lengths = (PROMPT, response);
        let request = samples::request(samples, vocabulary, lengths, cli.micro_batch_tokens);
        let length = PROMPT + response;
        learner.update(&request).expect("the batch is sound");
        let clock = Instant::now();
        for _ in 0..rounds {
            learner.update(&request).expect("the batch is sound");
        }
        let seconds = clock.elapsed().as_secs_f64() / f64::from(rounds);
        let rate = (samples * length) as f64 / seconds;
        println!("responses of {response:3} tokens: {rate:7.0} tokens/s, {seconds:.3} s an update");
        if let Ok(memory::Peak { taken, held }) = memory::peak(compute.device) {
            let needed = rate * operations(&config, parameters, length, cli.lora.is_none());
            println!(
                "  MFU {:.1} %; peak {:.1} GiB in tensors, {:.1} GiB held, predicted {:.1} GiB",
                needed / cli.teraflops / 1e10,
                taken as f64 / GIB,
                held as f64 / GIB,
                predicted(&cli, compute, length) as f64 / GIB
            );
        }
    }
}

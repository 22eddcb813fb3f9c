//! Training tokens a second of one update, by the length of the responses. On a GPU also the model FLOPs
//! utilisation (MFU) and the peak memory, compared with
//! what `retrial check` predicts.
//!
//! `cargo bench -p retrial-trainer --profile dev --bench update`, with `-- --device cuda` and other
//! options for another model or device.
//!
//! `-- --group 8` measures something else: groups of responses that share their prompt, and the same batch
//! with a prompt for each response, by turns. By default the demo's batch;
//! `--model SMOLLM2 --problems mawps.jsonl --response 60` for word problems.

mod samples;

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use retrial_native::memory;
use retrial_protocol::memory::{Shape, Training, peak};
use retrial_protocol::{Lora, Part, Target, TrainRequest};
use retrial_text::Text;
use retrial_trainer::compute::{Compute, ComputeArgs, Keep, ready};
use retrial_trainer::model::lora::{self, NewAdapter};
use retrial_trainer::model::{Decoder, ModelConfig};
use retrial_trainer::update::Learner;
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
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
    /// Responses to a prompt: measures updates on groups with and without a shared prompt.
    #[arg(long)]
    group: Option<usize>,
    /// JSON Lines with a problem's text as `input`: prompts of the groups. Default: prompts as
    /// long as the demo's.
    #[arg(long, requires = "group")]
    problems: Option<PathBuf>,
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
    if let Some(group) = cli.group {
        return groups(&cli, &mut learner, vocabulary, group);
    }
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

/// Updates on groups that share their prompt and on groups that do not, by turns.
fn groups(cli: &Cli, learner: &mut Learner, vocabulary: usize, group: usize) {
    let prompts = prompts(cli, vocabulary, cli.samples / group);
    let lengths = (group, cli.response.unwrap_or(9));
    let [shared, alone] = [true, false].map(|shared| {
        samples::groups(&prompts, lengths, vocabulary, shared, cli.micro_batch_tokens)
    });
    let of_prompts: usize = prompts.iter().map(Vec::len).sum();
    let sampled =
        alone.batch.response_tokens(Part::OnPolicy) + alone.batch.response_tokens(Part::Hinted);
    println!(
        "one update: {} prompts of {:.1} tokens, {group} responses each of {:.1}; {} and {} tokens",
        prompts.len(),
        of_prompts as f64 / prompts.len() as f64,
        sampled as f64 / (prompts.len() * group) as f64,
        of_prompts + sampled,
        of_prompts * group + sampled
    );
    let mut update = |request: &TrainRequest| {
        let before = processor_seconds();
        let metrics = learner.update(request).expect("the batch is sound");
        (processor_seconds() - before, metrics)
    };
    if cli.rounds > 1 {
        update(&shared);
        update(&alone);
    }
    for round in 1..=cli.rounds {
        let ((with, _), (without, _)) = (update(&shared), update(&alone));
        println!(
            "{round}: {with:.3} s of processor time with a shared prompt, {without:.3} s without: \
             {:.3}",
            with / without
        );
    }
}

/// A line of a file of problems.
#[derive(Deserialize)]
struct Problem {
    input: String,
}

fn prompts(cli: &Cli, vocabulary: usize, count: usize) -> Vec<Vec<u32>> {
    let Some(path) = &cli.problems else {
        let prompt = |index: usize| -> Vec<u32> {
            let ids = (0..PROMPT - 2 + index % 5).map(|i| (index * 31 + i * 17) % vocabulary);
            ids.map(|id| id as u32).collect()
        };
        return (0..count).map(prompt).collect();
    };
    let text = Text::load(&cli.model).expect("the folder has a tokenizer");
    let file = std::fs::read_to_string(path).expect("the file is there");
    let prompt = |line: &str| {
        let Problem { input } = serde_json::from_str(line).expect("a problem a line");
        let asked = format!(
            "{input}\n\nLet's think step by step and output the final answer within \\boxed{{}}."
        );
        text.prompt(&asked).expect("the template takes it")
    };
    file.lines().take(count).map(prompt).collect()
}

/// Processor time of this process so far, on all its threads.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

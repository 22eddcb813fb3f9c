//! A whole update (old log-probs, forward, backward, optimizer) compared with the same update of a plain
//! `PyTorch` + transformers loop with padding: one tiny model with a vocabulary of 32k, one recorded
//! batch of rollouts of uneven length, each side in a process of its own, one thread.
//!
//! `trainer/fetch-reference.sh && cargo bench -p retrial-trainer --profile dev --bench side_by_side`.
//! Without `PyTorch` (`PYTHON` names an interpreter that has it) only this side is measured.

use std::path::Path;
use std::process::Command;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use retrial_protocol::{
    Batch, Correction, Level, Objective, Optimizer, Part, Sample, Step, TrainRequest,
};
use retrial_trainer::compute::{Compute, ready};
use retrial_trainer::model::{Decoder, write_tensors};
use retrial_trainer::update::{self, Learner};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tch::{Device, Kind};

const VOCABULARY: u32 = 32_000;
const SAMPLES: usize = 32;
const LONGEST: f64 = 512.0;
const ROUNDS: u32 = 2;
/// Optimizer steps in an update, each on its own mini-batch. From the second on the policy differs
/// from the old one, so that old log-probs have to be computed.
const MINI_BATCHES: u32 = 2;
/// Sequences in a micro-batch of the padded loop.
const MICRO_BATCH: usize = 8;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    if let Some(folder) = arguments.next() {
        return measure(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    make_model(folder);
    ready(1);
    let model = Decoder::load(folder, Device::Cpu).expect("the model loads");
    let batch = rollouts(&Learner::new(model, Compute::default()));
    let text = serde_json::to_string(&batch).expect("a batch is plain data");
    std::fs::write(folder.join("batch.json"), text).expect("the disk has room");
    let tokens: usize = batch.samples.iter().map(Sample::tokens).sum();
    println!("{SAMPLES} rollouts, {tokens} tokens, of them {} sampled", sampled(&batch));

    let this = std::env::current_exe().expect("this program lies somewhere");
    let ours = run(Command::new(this).arg(folder)).expect("this side works");
    println!("this trainer      {}", shown(&ours));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/side_by_side/plain.py");
    let fetched = concat!(env!("CARGO_MANIFEST_DIR"), "/../.servers/reference/bin/python");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| fetched.into());
    let rounds = ROUNDS.to_string();
    let mut plain = Command::new(python);
    plain.arg(script).arg(folder).arg(folder.join("batch.json"));
    match run(plain.args([&rounds, &MICRO_BATCH.to_string(), &MINI_BATCHES.to_string()])) {
        Ok(plain) => {
            println!("PyTorch + padding {}", shown(&plain));
            let ratio = |key: &str| number(&ours, key) / number(&plain, key);
            println!(
                "ratio             {:.2} x time, {:.2} x memory",
                ratio("seconds"),
                ratio("peak_mib")
            );
        }
        Err(error) => println!("PyTorch + padding was not measured: {error}"),
    }
}

fn sampled(batch: &Batch) -> usize {
    batch.response_tokens(Part::OnPolicy)
}

fn number(result: &Value, key: &str) -> f64 {
    result[key].as_f64().unwrap_or(f64::NAN)
}

fn shown(result: &Value) -> String {
    format!(
        "{:6.2} s of processor time an update, peak {:5.0} MiB (loss {:.6}, gradient norm {:.6})",
        number(result, "seconds"),
        number(result, "peak_mib"),
        number(result, "loss"),
        number(result, "grad_norm")
    )
}

/// Runs a side and reads its line of JSON.
fn run(command: &mut Command) -> Result<Value, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    let why = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(line).map_err(|_| why.lines().last().unwrap_or_default().to_owned())
}

fn make_model(folder: &Path) {
    let config = json!({
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": VOCABULARY,
        "hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 4,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 32, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "max_position_embeddings": 1024, "tie_word_embeddings": true,
        "dtype": "float32"
    });
    std::fs::write(folder.join("config.json"), config.to_string()).expect("the disk has room");
    let model = Decoder::fresh(folder, 1, Device::Cpu).expect("the configuration is valid");
    write_tensors(&folder.join("model.safetensors"), model.parameters(), Kind::Float)
        .expect("the disk has room");
}

/// Groups of 8 rollouts of a prompt; lengths are distributed as in reasoning: many short, a few
/// at the limit. Log-probs are the model's own.
fn rollouts(learner: &Learner) -> Batch {
    let mut random = ChaCha8Rng::seed_from_u64(20_251_026);
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES / 8 {
        let length = random.random_range(24..64);
        let prompt: Vec<u32> = (0..length).map(|_| random.random_range(0..VOCABULARY)).collect();
        for member in 0..8 {
            // Exponential, mean 150, cut at the limit.
            let length = (-150.0 * random.random::<f64>().ln()).clamp(8.0, LONGEST) as usize;
            let response: Vec<u32> =
                (0..length).map(|_| random.random_range(0..VOCABULARY)).collect();
            let whole: Vec<u32> = prompt.iter().chain(&response).copied().collect();
            let logprobs =
                update::logprobs(&learner.model, learner.compute.kind, &[whole], 1.0, 1).remove(0);
            samples.push(Sample {
                prompt: prompt.clone(),
                sampler_logprobs: logprobs[prompt.len() - 1..].to_vec(),
                response,
                advantage: if member % 2 == 0 { 1.0 } else { -1.0 },
                part: Part::OnPolicy,
            });
        }
    }
    Batch { samples }
}

/// With one thread, this is the time on an idle machine.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn measure(folder: &Path) {
    ready(1);
    let model = Decoder::load(folder, Device::Cpu).expect("the model loads");
    let text = std::fs::read(folder.join("batch.json")).expect("the batch was recorded");
    let mut learner = Learner::new(model, Compute::default());
    let request = TrainRequest {
        step: Step(1),
        batch: serde_json::from_slice(&text).expect("the batch was recorded"),
        temperature: 1.0,
        // The ratio is to the trainer's own old log-probs, as on the other side.
        objective: Objective {
            correction: Correction::Tis { cap: 1e9, level: Level::Token },
            ..Objective::default()
        },
        optimizer: Optimizer { mini_batches: MINI_BATCHES, ..Optimizer::default() },
        micro_batch_tokens: 2048,
    };
    let first = learner.update(&request).expect("the batch is sound");
    let round = |_| {
        let before = processor_seconds();
        learner.update(&request).expect("the batch is sound");
        processor_seconds() - before
    };
    let seconds = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse().unwrap_or(f64::NAN);
    let (loss, norm) = (first.loss, first.grad_norm);
    println!(
        "{}",
        json!({ "seconds": seconds, "peak_mib": peak / 1024.0, "loss": loss, "grad_norm": norm })
    );
}

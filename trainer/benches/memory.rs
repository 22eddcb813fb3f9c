//! The peak memory of an update beside what `retrial check` predicts, each in a process of its own.
//!
//! `cargo bench -p retrial-trainer --profile dev --bench memory`

mod samples;

use std::path::Path;
use std::process::Command;

use retrial_protocol::memory::{Shape, Training, peak};
use retrial_protocol::{Lora, Target};
use retrial_trainer::compute::{Compute, Keep, ready};
use retrial_trainer::model::lora::{self, NewAdapter};
use retrial_trainer::model::{Decoder, write_tensors};
use retrial_trainer::update::Learner;
use serde_json::{Value, json};
use tch::{Device, Kind};

const PROMPT: usize = 64;
const RESPONSE: usize = 448;

struct Case {
    name: &'static str,
    config: Value,
    kind: Kind,
    keep: Keep,
    lora: bool,
    /// Sequences in a micro-batch; a batch has two of these.
    sequences: usize,
}

fn config(family: &str, layers: usize, hidden: usize, vocabulary: usize, tied: bool) -> Value {
    json!({
        "model_type": family, "vocab_size": vocabulary, "hidden_size": hidden,
        "intermediate_size": 3 * hidden, "num_hidden_layers": layers,
        "num_attention_heads": hidden / 32, "num_key_value_heads": hidden / 64, "head_dim": 32,
        "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 1024,
        "tie_word_embeddings": tied
    })
}

fn cases() -> Vec<Case> {
    let plain = Case {
        name: "plain",
        config: config("qwen3", 4, 256, 32_000, true),
        kind: Kind::Float,
        keep: Keep::Graphs,
        lora: false,
        sequences: 4,
    };
    let like = |name, sequences| Case { name, sequences, config: plain.config.clone(), ..plain };
    let deep = || config("llama", 12, 256, 4_000, false);
    vec![
        Case { keep: Keep::Inputs, ..like("recompute", 4) },
        Case { kind: Kind::BFloat16, ..like("bf16", 2) },
        Case { lora: true, ..like("lora", 4) },
        Case { config: deep(), ..like("llama, deep", 4) },
        Case { config: deep(), keep: Keep::Inputs, ..like("llama, deep, recompute", 4) },
        Case { config: config("qwen2", 2, 512, 64_000, false), ..like("qwen2, wide", 2) },
        plain,
    ]
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let cases = cases();
    if let (Some(index), Some(folder)) = (arguments.next(), arguments.next()) {
        let index: usize = index.parse().expect("the number of a case");
        return measure(&cases[index], Path::new(&folder));
    }
    for (index, case) in cases.iter().enumerate() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        make_model(case, folder.path());
        let this = std::env::current_exe().expect("this program lies somewhere");
        let output = Command::new(this).arg(index.to_string()).arg(folder.path()).output();
        let text = String::from_utf8(output.expect("it runs").stdout).expect("a number");
        let measured: f64 = text.trim().parse().expect("a number");
        let predicted = predicted(case) as f64 / f64::from(1 << 20);
        println!(
            "{:24} measured {measured:6.0} MiB, predicted {predicted:6.0} MiB: {:+.0} %",
            case.name,
            100.0 * (predicted / measured - 1.0)
        );
    }
}

fn adapter() -> Lora {
    Lora { rank: 16, alpha: 32.0, targets: Target::ALL.to_vec() }
}

fn predicted(case: &Case) -> u64 {
    let shape: Shape = serde_json::from_value(case.config.clone()).expect("a configuration");
    let training = Training {
        tokens: (case.sequences * (PROMPT + RESPONSE)) as u64,
        response_tokens: (case.sequences * RESPONSE) as u64,
        activation_bytes: case.kind.elt_size_in_bytes() as u64,
        recompute: case.keep == Keep::Inputs,
        lora: case.lora.then(adapter),
        reference: false,
        accelerator: false,
        ranks: 1,
    };
    peak(&shape, &training)
}

fn make_model(case: &Case, folder: &Path) {
    std::fs::write(folder.join("config.json"), case.config.to_string()).expect("the disk has room");
    let model = Decoder::fresh(folder, 1, Device::Cpu).expect("the configuration is valid");
    write_tensors(&folder.join("model.safetensors"), model.parameters(), Kind::Float)
        .expect("the disk has room");
}

fn measure(case: &Case, folder: &Path) {
    ready(1);
    let kind = if case.lora { case.kind } else { Kind::Float };
    let mut model = Decoder::load_as(folder, (kind, Device::Cpu)).expect("the model loads");
    if case.lora {
        let new = NewAdapter { form: adapter(), seed: 1 };
        let adapter = lora::fresh(model.config(), &new, folder);
        model = model.adapted(adapter);
    }
    let vocabulary = model.config().vocabulary as usize;
    let compute = Compute { device: Device::Cpu, kind: case.kind, keep: case.keep };
    let mut learner = Learner::new(model, compute);
    let tokens = case.sequences * (PROMPT + RESPONSE);
    let request = samples::request(2 * case.sequences, vocabulary, (PROMPT, RESPONSE), tokens);
    learner.update(&request).expect("the batch is sound");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: f64 = most.trim().trim_end_matches(" kB").parse().expect("a number");
    println!("{}", kib / 1024.0);
}

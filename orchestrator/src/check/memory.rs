//! Whether an update fits into memory, before anything is loaded.

use retrial_protocol::memory::{Shape, Training, peak};

use super::{Finding, State};
use crate::config::{Config, Precision};

const SUBJECT: &str = "memory";

/// Looks at the largest micro-batch that the settings allow; `prompt` is the longest prompt, tokens.
pub fn memory(config: &Config, shape: &Shape, prompt: usize) -> Finding {
    let training = training(config, prompt);
    let needed_mb = peak(shape, &training).div_ceil(1_000_000);
    let device = &config.trainer.device;
    let tokens = training.tokens;
    let text = format!("an update on {device} takes about {needed_mb} MB, {tokens} tokens at once");
    // What a GPU has is known where libtorch is.
    let free_mb = (device == "cpu").then(available_mb).flatten();
    match free_mb {
        Some(free_mb) if free_mb < needed_mb => {
            let hint = "hint: [trainer] recompute = true, fewer micro_batch_tokens, or lora";
            let text = format!("{text}; {free_mb} MB are available\n{hint}");
            Finding::new(SUBJECT, State::Warning, text)
        }
        Some(free_mb) => {
            Finding::new(SUBJECT, State::Ok, format!("{text}; {free_mb} MB are available"))
        }
        None => Finding::new(SUBJECT, State::Ok, text),
    }
}

fn training(config: &Config, prompt: usize) -> Training {
    let (rollout, trainer) = (&config.rollout, &config.trainer);
    let longest = (prompt + rollout.max_tokens) as u64;
    let batch = longest * rollout.problems as u64 * u64::from(rollout.group);
    let tokens = (trainer.micro_batch_tokens as u64).min(batch).max(longest);
    Training {
        tokens,
        response_tokens: tokens * rollout.max_tokens as u64 / longest,
        activation_bytes: match trainer.precision {
            Precision::F32 => 4,
            Precision::Bf16 => 2,
        },
        recompute: trainer.recompute,
        lora: trainer.lora.clone(),
        reference: config.objective.kl.is_some(),
        accelerator: trainer.device != "cpu",
    }
}

/// Memory that can be taken without swapping, where the system says so.
fn available_mb() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024 / 1_000_000)
}

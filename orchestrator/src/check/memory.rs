//! Checks that an update fits into memory, before anything is loaded.

use retrial_config::{Config, Precision};
use retrial_protocol::memory::{Shape, Training, peak};

use super::finding::{Finding, State};

const SUBJECT: &str = "memory";

/// Common memory sizes of GPUs, in GiB.
const CARDS_GB: [u64; 4] = [24, 40, 80, 141];
/// Most ranks to consider: beyond this, more ranks save little.
const MOST_RANKS: u64 = 64;

/// Estimates the largest micro-batch that the settings allow; `prompt` is the longest prompt, tokens.
pub fn memory(config: &Config, shape: &Shape, prompt: usize) -> Finding {
    let training = training(config, prompt);
    let needed_mb = peak(shape, &training).div_ceil(1_000_000);
    let device = &config.trainer.device;
    let (tokens, ranks) = (training.tokens, training.ranks);
    let on_each = if ranks == 1 { String::new() } else { format!(" on each of {ranks} ranks") };
    let text = format!(
        "an update on {device} takes about {needed_mb} MB{on_each}, {tokens} tokens at once"
    );
    if device != "cpu" {
        // The memory of a GPU is known only with libtorch.
        let text = format!("{text}\n{}", gpus(shape, &training));
        return Finding::new(SUBJECT, State::Ok, text);
    }
    match available_mb() {
        Some(free_mb) if free_mb < needed_mb * ranks => {
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

/// The number of GPUs of each size that an update needs.
fn gpus(shape: &Shape, training: &Training) -> String {
    let of_card = |gb| match fewest_ranks(shape, training, gb) {
        Some(ranks) => format!("{ranks} of {gb} GB"),
        None => format!("no number of {gb} GB"),
    };
    format!("GPUs that are enough: {}", CARDS_GB.map(of_card).join(", "))
}

/// The fewest ranks that an update fits on, if any. The prediction was within a tenth
/// of the measurement, docs/performance.md.
fn fewest_ranks(shape: &Shape, training: &Training, gb: u64) -> Option<u64> {
    let has = gb * (1 << 30) / 10 * 9;
    (1..=MOST_RANKS).find(|&ranks| peak(shape, &Training { ranks, ..training.clone() }) <= has)
}

fn training(config: &Config, prompt: usize) -> Training {
    let (rollout, trainer) = (&config.rollout, &config.trainer);
    let longest = (prompt + rollout.max_tokens()) as u64;
    let batch = longest * rollout.problems as u64 * u64::from(rollout.group);
    let tokens = (trainer.micro_batch_tokens as u64).min(batch).max(longest);
    Training {
        tokens,
        response_tokens: tokens * rollout.max_tokens() as u64 / longest,
        activation_bytes: match trainer.precision {
            Precision::F32 => 4,
            Precision::Bf16 => 2,
        },
        recompute: trainer.recompute,
        lora: trainer.lora.clone(),
        reference: config.objective.kl.is_some(),
        accelerator: trainer.device != "cpu",
        ranks: trainer.ranks as u64,
    }
}

/// Memory that is available without swapping, if the system reports it.
fn available_mb() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024 / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(hidden: u64, inside: u64, layers: u64, tied: bool) -> Shape {
        let config = serde_json::json!({
            "model_type": "qwen3", "vocab_size": 151_936, "hidden_size": hidden,
            "intermediate_size": inside, "num_hidden_layers": layers, "num_attention_heads": 32,
            "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": tied,
        });
        serde_json::from_value(config).unwrap()
    }

    #[test]
    fn gpus_are_counted_by_their_memory() {
        let training = Training {
            tokens: 8192,
            response_tokens: 8000,
            activation_bytes: 2,
            recompute: true,
            lora: None,
            reference: false,
            accelerator: true,
            ranks: 3,
        };
        // 4B, which was measured on one of 80 GB, and 8B.
        let (small, large) = (shape(2560, 9728, 36, true), shape(4096, 12_288, 36, false));
        assert_eq!(
            gpus(&small, &training),
            "GPUs that are enough: 15 of 24 GB, 4 of 40 GB, 1 of 80 GB, 1 of 141 GB"
        );
        for (shape, gb) in [(&small, 80), (&large, 80), (&large, 141)] {
            let ranks = fewest_ranks(shape, &training, gb).unwrap();
            let takes = |ranks| peak(shape, &Training { ranks, ..training.clone() });
            let has = gb * (1 << 30);
            assert!(takes(ranks) < has && (ranks == 1 || takes(ranks - 1) > has / 10 * 9), "{gb}");
        }
        let lora = retrial_protocol::Lora { rank: 16, alpha: 32.0, targets: Vec::new() };
        let adapter = Training { lora: Some(lora), ..training };
        assert!(fewest_ranks(&large, &adapter, 24).is_some_and(|ranks| ranks == 1));
    }
}

//! `[trainer]`: the trainer.

use retrial_protocol::Lora;
use serde::{Deserialize, Serialize};

/// `[trainer]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainerConfig {
    /// Base URL of a running trainer; without it one is started.
    pub url: Option<String>,
    /// Number of processes that train together.
    pub ranks: usize,
    /// Longest wait of a rank for another, seconds.
    pub rank_timeout_seconds: u64,
    /// Device: cpu, cuda or cuda:1.
    pub device: String,
    /// Data type of activations and products; weights, moments and gradients are f32.
    pub precision: Precision,
    /// Recomputes each layer in the backward pass instead of storing its activations.
    pub recompute: bool,
    /// Trains a low-rank adapter in place of the weights.
    pub lora: Option<Lora>,
    /// Tokens in one forward pass.
    pub micro_batch_tokens: usize,
    /// Deadline of one update, seconds.
    pub timeout_seconds: u64,
    /// Threads of libtorch in each rank that the run starts.
    pub threads: u16,
    /// Deadline of the start of the trainer, seconds.
    pub start_seconds: u64,
}

/// Data types of activations in the trainer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// bfloat16: the upper 16 bits of f32.
    Bf16,
}

impl Precision {
    /// Its name on the trainer's command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

impl Default for TrainerConfig {
    fn default() -> Self {
        Self {
            url: None,
            ranks: 1,
            rank_timeout_seconds: 600,
            device: "cpu".into(),
            precision: Precision::default(),
            recompute: false,
            lora: None,
            micro_batch_tokens: 8192,
            timeout_seconds: 3600,
            threads: 1,
            start_seconds: 120,
        }
    }
}

impl TrainerConfig {
    /// Checks the values; the error is the first problem.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { url, ranks, device, lora, .. } = self;
        if let (Some(url), 2..) = (url, ranks) {
            return Err(format!(
                "ranks is {ranks}, which is for a trainer that the run starts, and url is {url}: \
                 remove one of the two"
            ));
        }
        if *ranks > 1 && device.starts_with("cuda:") {
            return Err(format!(
                "ranks is {ranks} and device {device}, one GPU: write cuda, and each rank takes \
                 its own"
            ));
        }
        lora.as_ref().map_or(Ok(()), Lora::validate).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_started_by_the_run_each_on_its_own_gpu() {
        let two = TrainerConfig { ranks: 2, ..TrainerConfig::default() };
        let elsewhere = TrainerConfig { url: Some("http://a:1".into()), ..two.clone() };
        let on_one = TrainerConfig { device: "cuda:1".into(), ..two.clone() };
        let on_two = TrainerConfig { device: "cuda".into(), ..two.clone() };
        assert_eq!((two.check(), on_two.check()), (Ok(()), Ok(())));
        let error = elsewhere.check().unwrap_err();
        assert!(error.contains("url is http://a:1"), "{error}");
        let error = on_one.check().unwrap_err();
        assert!(error.contains("device cuda:1, one GPU"), "{error}");
    }
}

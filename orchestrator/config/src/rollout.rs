//! `[rollout]`, `[hint]` and `[evaluation]`: how responses are sampled.

use retrial_lte::{MaxReplacements, Memory, Overlong};
use serde::{Deserialize, Serialize};

/// `[rollout]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutConfig {
    /// Problems a step.
    pub problems: usize,
    /// Rollouts of a problem in the first trial: G.
    pub group: u32,
    /// Extra rollouts of a none-pass problem.
    pub extra: u32,
    /// How many failures of a group may be replaced by correct extra rollouts.
    pub max_replacements: MaxReplacements,
    /// How many versions the weights that sample may be behind the trainer's: 0 or 1.
    pub max_staleness: u64,
    /// Most tokens of a response.
    pub max_tokens: usize,
    /// What becomes of responses that run into the limit.
    pub overlong: Overlong,
    /// Leaves groups without advantage out of the batch, so that their tokens count nowhere. The
    /// second trial comes first.
    pub dynamic_sampling: bool,
    /// Sampling temperature. Nucleus and top-k sampling are off while training: the trainer's
    /// log-probs are those of the full distribution.
    pub temperature: f64,
}

/// `[hint]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HintConfig {
    /// Which wrong answers are listed.
    pub memory: Memory,
    /// Most tokens that a hint may add to the longest ordinary prompt. Answers that do not fit are
    /// left out.
    pub max_tokens: usize,
}

impl Default for HintConfig {
    fn default() -> Self {
        Self { memory: Memory::default(), max_tokens: 1024 }
    }
}

/// `[evaluation]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Steps between evaluations; 0 evaluates before the first and after the last step only.
    pub every: u64,
    /// Samples a problem: k of Pass@k.
    pub k: u32,
    /// Sampling temperature.
    pub temperature: f64,
}

impl Default for RolloutConfig {
    fn default() -> Self {
        Self {
            problems: 128,
            group: 8,
            extra: 8,
            max_replacements: MaxReplacements::default(),
            max_staleness: 0,
            max_tokens: 8192,
            overlong: Overlong::default(),
            dynamic_sampling: false,
            temperature: 1.0,
        }
    }
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every: 10, k: 8, temperature: 1.0 }
    }
}

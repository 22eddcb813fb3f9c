//! `[rollout]`, `[hint]` and `[evaluation]`: how responses are sampled.

use retrial_grader::Extraction;
use retrial_lte::{Closed, MaxReplacements, Memory, Overlong, Whose};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `[rollout]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutConfig {
    /// Problems per step.
    pub problems: usize,
    /// Rollouts of a problem in the first trial: G.
    pub group: u32,
    /// Extra rollouts of a none-pass problem.
    pub extra: u32,
    /// How many failures of a group correct extra rollouts may replace.
    pub max_replacements: MaxReplacements,
    /// How many versions the sampling weights may be behind the trainer's: 0 or 1.
    pub max_staleness: u64,
    /// Limit on the tokens of a response; by default the paper's, or half of the model's context if
    /// that is less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// How overlong responses are treated.
    pub overlong: Overlong,
    /// Leaves groups without advantage out of the batch, so that their tokens do not count. The
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
    /// Whose wrong answers are listed.
    pub answers: Whose,
    /// Which wrong answers are listed.
    pub memory: Memory,
    /// Limit on the tokens that a hint adds to the longest ordinary prompt. Answers that do not fit are
    /// left out.
    pub max_tokens: usize,
    /// Limit on the characters of a listed answer: code and proofs are not listed.
    pub max_answer_characters: usize,
    /// Which answers are a closed set, of which a hint must not say too much.
    pub closed: Closed,
    /// Fewest answers that a hint leaves possible where they are a closed set.
    pub min_possibilities: usize,
}

impl Default for HintConfig {
    fn default() -> Self {
        Self {
            answers: Whose::default(),
            memory: Memory::default(),
            max_tokens: 1024,
            max_answer_characters: 200,
            closed: Closed::default(),
            min_possibilities: 3,
        }
    }
}

/// `[evaluation]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Steps between evaluations; 0 evaluates before the first and after the last step only.
    pub every: u64,
    /// Samples per problem: k of Pass@k.
    pub k: u32,
    /// Sampling temperature.
    pub temperature: f64,
    /// Where the answer of a response is looked for.
    #[serde(with = "extraction")]
    pub extraction: Extraction,
}

/// Limit on the tokens of a response in the paper.
const MAX_TOKENS: usize = 8192;

impl RolloutConfig {
    /// Limit on the tokens of a response.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens.unwrap_or(MAX_TOKENS)
    }

    /// Sets defaults that depend on the model's context.
    pub fn fit(&mut self, context: usize) {
        self.max_tokens.get_or_insert(MAX_TOKENS.min((context / 2).max(1)));
    }
}

impl Default for RolloutConfig {
    fn default() -> Self {
        Self {
            problems: 128,
            group: 8,
            extra: 8,
            max_replacements: MaxReplacements::default(),
            max_staleness: 0,
            max_tokens: None,
            overlong: Overlong::default(),
            dynamic_sampling: false,
            temperature: 1.0,
        }
    }
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every: 10, k: 8, temperature: 1.0, extraction: Extraction::Auto }
    }
}

/// An extraction by its name.
mod extraction {
    use super::{Deserialize, Deserializer, Extraction, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(super) fn serialize<S: Serializer>(
        extraction: &Extraction,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(extraction.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Extraction, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

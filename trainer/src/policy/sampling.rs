//! Sampling parameters and sampled tokens.

/// Lower temperatures mean greedy sampling.
const GREEDY_UNDER: f64 = 1e-5;

/// Sampling parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Temperature: divides the logits; 0 is greedy.
    pub temperature: f64,
    /// top-k: only this many of the most probable tokens are kept.
    pub top_k: Option<usize>,
    /// top-p (nucleus): only the smallest set of most probable tokens with this total probability is
    /// kept; 1 keeps all.
    pub top_p: f64,
    /// min-p: tokens with less than this share of the largest probability are dropped; 0 keeps all.
    pub min_p: f64,
    /// Repetition penalty: logits of tokens that occurred, prompt included, are divided (positive ones) or
    /// multiplied (negative ones) by it; 1 is neutral.
    pub repetition_penalty: f64,
    /// Presence penalty: subtracted from the logits of sampled tokens; 0 is neutral.
    pub presence_penalty: f64,
    /// Frequency penalty: subtracted once for each time a token was sampled; 0 is neutral.
    pub frequency_penalty: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: None,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
        }
    }
}

impl Sampling {
    /// Whether sampling is greedy, so that all responses are equal.
    pub fn is_greedy(&self) -> bool {
        self.temperature < GREEDY_UNDER
    }
}

/// Which log-probabilities are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogprobsMode {
    /// Those of the model: penalties, temperature and truncation are ignored.
    #[default]
    #[value(name = "raw_logprobs")]
    Raw,
    /// Those of the distribution after penalties, temperature and truncation.
    #[value(name = "processed_logprobs")]
    Processed,
}

/// The tokens before the one to choose.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// Token ids of the prompt.
    pub prompt: &'a [u32],
    /// Token ids that were sampled.
    pub output: &'a [u32],
}

/// A token and its log-probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenLogprob {
    /// The token.
    pub id: u32,
    /// Its log-probability, nats; minus infinity for a token that was dropped.
    pub logprob: f32,
}

/// A sampled token.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// The token and its log-probability.
    pub chosen: TokenLogprob,
    /// The most probable tokens, as many as requested.
    pub top: Vec<TokenLogprob>,
}

/// A given token and its rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The token and its log-probability.
    pub token: TokenLogprob,
    /// Its rank: tokens that are at least as probable, itself included.
    pub rank: usize,
    /// The most probable tokens, as many as requested.
    pub top: Vec<TokenLogprob>,
}

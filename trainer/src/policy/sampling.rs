//! How a token is chosen, and what is said of it.

/// Temperatures under this are 0.
const GREEDY_UNDER: f64 = 1e-5;

/// How a token is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// The logits are divided by it; 0 takes the largest logit.
    pub temperature: f64,
    /// Only this many most probable tokens are kept.
    pub top_k: Option<usize>,
    /// Only the smallest set of most probable tokens that has this share of the probability is
    /// kept; 1 keeps all.
    pub top_p: f64,
    /// Tokens with less than this share of the largest probability are dropped; 0 keeps all.
    pub min_p: f64,
    /// Logits of tokens that occurred, prompt included, are divided (positive ones) or multiplied
    /// (negative ones) by it; 1 is neutral.
    pub repetition_penalty: f64,
    /// Taken off the logits of tokens that were sampled; 0 is neutral.
    pub presence_penalty: f64,
    /// Taken off the logits of sampled tokens once for each time; 0 is neutral.
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
    /// Whether the largest logit is taken, so that all responses are alike.
    pub fn is_greedy(&self) -> bool {
        self.temperature < GREEDY_UNDER
    }
}

/// Whose log-probabilities are reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogprobsMode {
    /// Those of the model: penalties, temperature and truncation are ignored.
    #[default]
    #[value(name = "raw_logprobs")]
    Raw,
    /// Those of the distribution that was sampled from.
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

/// A token that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    /// It.
    pub chosen: TokenLogprob,
    /// The most probable tokens, as many as were asked for.
    pub top: Vec<TokenLogprob>,
}

/// A given token among all tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// It.
    pub token: TokenLogprob,
    /// Tokens that are at least as probable as it, itself included.
    pub rank: usize,
    /// The most probable tokens, as many as were asked for.
    pub top: Vec<TokenLogprob>,
}

//! Input and output of a surrogate.

use tch::Tensor;

/// The response tokens of some samples.
pub struct Tokens<'a> {
    /// `log pi_theta(o_t | q)`, `[N]`, nats; the gradient flows through it.
    pub logprobs: &'a Tensor,
    /// Logarithm of the ratio's denominator, `[N]`, nats.
    pub old: &'a Tensor,
    /// `log pi_reference(o_t | q)`, `[N]`, nats, if there is a KL term.
    pub reference: Option<&'a Tensor>,
    /// c, `[N]`, without gradient, if there is a correction.
    pub correction: Option<&'a Tensor>,
    /// Advantage of the token's sample, `[N]`.
    pub advantages: &'a Tensor,
    /// w, `[N]`.
    pub weights: &'a Tensor,
    /// Whether the token's sample belongs to the hinted part, `[N]`, bool.
    pub hinted: &'a Tensor,
    /// The token's sample, `[N]`, 0 to S - 1.
    pub samples: &'a Tensor,
    /// Tokens of each sample, `[S]`.
    pub lengths: &'a Tensor,
}

/// The values of a surrogate.
pub struct Surrogate {
    /// S(r, A) of each token, `[N]`.
    pub values: Tensor,
    /// Where clipping removes or bounds the gradient, `[N]`, bool.
    pub clipped: Tensor,
}

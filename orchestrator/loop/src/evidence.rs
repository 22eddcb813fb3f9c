//! Evidence of stale weights: do the current weights explain a server's log-probabilities better, or
//! the previous ones?
//!
//! A step of training moves a log-probability by 1e-4 nats; the noise of a healthy server's kernels is
//! larger. So single tokens show nothing, but thousands do. With a the trainer's log-probability of
//! a token under the new weights, b under the previous ones and s the server's,
//! - d = a - b is the change of the step, r = s - (a + b) / 2 is on the side of the weights that the
//!   server has: d / 2 for the new ones, -d / 2 for the old ones, plus noise;
//! - tokens are compared with those of similar a only: a step sharpens a policy, and noise and
//!   rounding affect likely tokens differently from unlikely ones, on healthy servers too;
//! - r is clipped at a few times its usual size, and so is d, so that no single token dominates.
//! - r is cut off at a few times its usual size, and d at its own, so that no token counts for many.
//!
//! The sum of d r over the tokens is the evidence; its standard error comes from blocks of a few
//! tokens. Old and new weights give the same evidence with opposite signs: symmetric noise, however
//! large and however heavy its tails, does not make one look like the other.

/// Standard errors beyond which evidence decides. By chance this happens once in three million checks.
const DECIDES: f64 = 5.0;
/// Size of a block: tokens within it are not independent.
const BLOCK: usize = 4;
/// Number of groups of similar tokens, and the least tokens of one.
const GROUPS: usize = 16;
const LEAST_ALIKE: usize = 24;
/// Residuals are clipped at this many standard deviations (Huber).
const CUT: f64 = 1.5;
/// From the median of absolute values to a standard deviation.
const DEVIATIONS: f64 = 1.4826;

/// The log-probabilities of a token, nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    /// The server's.
    pub server: f64,
    /// The trainer's, under the weights that the server should have.
    pub now: f64,
    /// The trainer's, under the previous weights.
    pub before: f64,
}

/// The evidence of tokens about a server's weights; it adds up over steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    sum: f64,
    squares: f64,
    /// Number of tokens.
    pub tokens: usize,
}

/// Conclusion from evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// The server has the right weights.
    New,
    /// The server has older weights.
    Old,
    /// Undecided.
    Unknown,
}

impl Evidence {
    /// The evidence from the tokens of responses.
    pub fn of(responses: &[Vec<Token>]) -> Self {
        let sound = |token: &Token| {
            [token.server, token.now, token.before].iter().all(|number| number.is_finite())
        };
        let responses: Vec<Vec<Token>> = responses
            .iter()
            .map(|response| response.iter().copied().filter(sound).collect())
            .collect();
        let tokens = responses.concat();
        let alike = alike(&tokens);
        let mut moved: Vec<f64> = tokens.iter().map(|token| token.now - token.before).collect();
        let mut residual: Vec<f64> = tokens
            .iter()
            .map(|token| token.server - f64::midpoint(token.now, token.before))
            .collect();
        centre(&mut moved, &alike, mean);
        centre(&mut residual, &alike, median);
        let size = mean(moved.iter().map(|d| d * d).collect()).sqrt();
        let usual = DEVIATIONS * median(residual.iter().map(|r| r.abs()).collect());
        let cut = CUT * usual.max(size / 2.0);
        for change in &mut moved {
            *change = change.clamp(-size, size);
        }
        // Clipping on one side only must not look like a trend.
        centre(&mut moved, &alike, mean);
        let products = moved.iter().zip(&residual).map(|(d, r)| d * r.clamp(-cut, cut));
        let mut products = products.collect::<Vec<f64>>().into_iter();
        let mut evidence = Self { tokens: tokens.len(), ..Self::default() };
        for block in responses.iter().flat_map(|response| response.chunks(BLOCK)) {
            let product: f64 = products.by_ref().take(block.len()).sum();
            evidence.sum += product;
            evidence.squares += product.powi(2);
        }
        evidence
    }

    /// The sum of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            tokens: self.tokens + other.tokens,
        }
    }

    /// In standard errors: positive for the new weights, negative for the old ones.
    pub fn strength(&self) -> f64 {
        if self.squares > 0.0 { self.sum / self.squares.sqrt() } else { 0.0 }
    }

    /// The conclusion.
    pub fn weights(&self) -> Weights {
        match self.strength() {
            DECIDES.. => Weights::New,
            strength if strength <= -DECIDES => Weights::Old,
            _ => Weights::Unknown,
        }
    }

    /// The part that is kept for the next step: only suspicion. A server that was up to date may
    /// become stale.
    #[must_use]
    pub fn suspicion(self) -> Self {
        if self.sum < 0.0 { self } else { Self::default() }
    }
}

/// The positions of tokens, in groups of similar log-probability.
fn alike(tokens: &[Token]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..tokens.len()).collect();
    order.sort_by(|&one, &other| tokens[one].now.total_cmp(&tokens[other].now));
    let groups = (tokens.len() / LEAST_ALIKE).clamp(1, GROUPS);
    order.chunks(tokens.len().div_ceil(groups).max(1)).map(<[usize]>::to_vec).collect()
}

/// Subtracts from each number the centre of its group.
fn centre(numbers: &mut [f64], groups: &[Vec<usize>], of: fn(Vec<f64>) -> f64) {
    for group in groups {
        let centre = of(group.iter().map(|&position| numbers[position]).collect());
        for &position in group {
            numbers[position] -= centre;
        }
    }
}

fn mean(values: Vec<f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.into_iter().sum::<f64>() / count
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests;

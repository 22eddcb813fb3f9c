//! Which weights explain a server's log-probabilities better: those that it should have, or those
//! before?
//!
//! A step of training moves a log-probability by 1e-4 nats, the kernels of a healthy server by more
//! than that. So single tokens tell nothing, and thousands do. With a the trainer's log-probability of
//! a token under the new weights, b under those before and s the server's,
//!
//! - d = a - b is what the step has moved, r = s - (a + b) / 2 is on the side of the weights that the
//!   server has: d / 2 for the new ones, -d / 2 for the old ones, and noise;
//! - d is made independent of a constant and of a: noise moves all log-probabilities of a server the
//!   same way (down, or towards each other), and so does a step;
//! - r is cut off at a few times its usual size, so that a token that is far off counts like another.
//!
//! The sum of d r over the tokens is the evidence, its standard error that of its blocks of a few
//! tokens. Old and new weights give the same evidence with opposite signs: symmetric noise, however
//! large and with whatever tails, does not make one look like the other.

/// Standard errors beyond which evidence decides. Chance goes as far once in three million checks.
const DECIDES: f64 = 5.0;
/// Tokens that are not independent of each other.
const BLOCK: usize = 4;
/// Residuals are cut off at this many standard deviations, as Huber has it.
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
    /// The trainer's, under the weights before.
    pub before: f64,
}

/// What tokens say of a server's weights; it adds up over steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    sum: f64,
    squares: f64,
    /// Tokens that it is of.
    pub tokens: usize,
}

/// What to make of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// The server has the weights that it should have.
    New,
    /// It has older ones.
    Old,
    /// The tokens do not tell.
    Unknown,
}

impl Evidence {
    /// Of the tokens of responses.
    pub fn of(responses: &[Vec<Token>]) -> Self {
        let sound = |token: &&Token| {
            [token.server, token.now, token.before].iter().all(|number| number.is_finite())
        };
        let all = || responses.iter().flatten().filter(sound);
        let Some(moved) = Moved::of(all()) else { return Self::default() };
        let residual = |token: &Token| token.server - f64::midpoint(token.now, token.before);
        let centre = median(all().map(residual).collect());
        let usual = DEVIATIONS * median(all().map(|t| (residual(t) - centre).abs()).collect());
        let cut = CUT * usual.max(moved.size / 2.0);
        let mut evidence = Self { tokens: all().count(), ..Self::default() };
        for block in responses.iter().flat_map(|response| response.chunks(BLOCK)) {
            let of_token = |token: &Token| {
                moved.beyond_trend(token) * (residual(token) - centre).clamp(-cut, cut)
            };
            let product: f64 = block.iter().filter(sound).map(of_token).sum();
            evidence.sum += product;
            evidence.squares += product.powi(2);
        }
        evidence
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
            tokens: self.tokens + other.tokens,
        }
    }

    /// In standard errors: above 0 for the new weights, below for the old ones.
    pub fn strength(&self) -> f64 {
        if self.squares > 0.0 { self.sum / self.squares.sqrt() } else { 0.0 }
    }

    /// What to make of it.
    pub fn weights(&self) -> Weights {
        match self.strength() {
            DECIDES.. => Weights::New,
            strength if strength <= -DECIDES => Weights::Old,
            _ => Weights::Unknown,
        }
    }

    /// What of it is kept for the next step: only suspicion. A server that was up to date may not be
    /// so any more.
    #[must_use]
    pub fn suspicion(self) -> Self {
        if self.sum < 0.0 { self } else { Self::default() }
    }
}

/// What a step has moved.
struct Moved {
    /// d = constant + slope * now, by least squares.
    constant: f64,
    slope: f64,
    /// Root of the mean square of what is beyond that.
    size: f64,
}

impl Moved {
    /// None if the step has moved nothing that could be seen.
    fn of<'a>(tokens: impl Iterator<Item = &'a Token> + Clone) -> Option<Self> {
        let mut sums = [0.0; 5];
        for Token { now, before, .. } in tokens.clone() {
            let d = now - before;
            for (sum, term) in sums.iter_mut().zip([1.0, *now, d, now * now, now * d]) {
                *sum += term;
            }
        }
        let [count, now, d, now_now, now_d] = sums;
        let spread = now_now - now * now / count;
        let slope = if spread > 1e-12 * now_now { (now_d - now * d / count) / spread } else { 0.0 };
        let constant = (d - slope * now) / count;
        let moved = Self { constant, slope, size: 0.0 };
        let squares: f64 = tokens.map(|token| moved.beyond_trend(token).powi(2)).sum();
        let size = (squares / count).sqrt();
        (size > 0.0).then_some(Self { size, ..moved })
    }

    fn beyond_trend(&self, token: &Token) -> f64 {
        token.now - token.before - self.constant - self.slope * token.now
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests;

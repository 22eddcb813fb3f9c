//! Log-probabilities and ranks under the model itself. Among equal tokens the lower id comes first, so
//! that the order is unique.

use retrial_native::cpu::Logits;

use super::sampling::{Score, TokenLogprob};

/// Log-probability and rank of `token` in `row`, under the model itself, with the `top` most
/// probable tokens.
pub fn score(row: &[f32], token: u32, top: usize) -> Score {
    let (logits, shift) = (Logits::Raw(row), log_sum_exp(row));
    let at = |id: u32| {
        let logprob = (logits.get(id as usize) - shift) as f32;
        TokenLogprob { id, logprob }
    };
    Score {
        token: at(token),
        rank: logits.count_from(logits.get(token as usize)),
        top: logits.most(top).into_iter().map(at).collect(),
    }
}

/// Logarithm of the sum of the exponentials.
pub fn log_sum_exp(row: &[f32]) -> f64 {
    let logits = Logits::Raw(row);
    let peak = logits.get(logits.largest());
    let mut sums = Vec::new();
    logits.block_weights(peak, 1.0, &mut sums);
    peak + sums.iter().sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_has_rank_and_neighbours() {
        // Probabilities 0.1, 0.4, 0.2, 0.3.
        let row = [0.1_f32, 0.4, 0.2, 0.3].map(|p| p.ln() + 3.0);
        let score = score(&row, 2, 2);
        assert_eq!(score.rank, 3);
        assert!((score.token.logprob.exp() - 0.2).abs() < 1e-6);
        assert_eq!(score.top.iter().map(|t| t.id).collect::<Vec<_>>(), [1, 3]);
    }
}

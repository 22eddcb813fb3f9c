//! Tokens ordered by probability. Among equal ones the lower id comes first, so that the order is
//! unique.

use std::cmp::Ordering;

use super::sampling::{Score, TokenLogprob};

/// Log-probability and rank of `token` in `row`, under the model itself, with the `top` most
/// probable tokens.
pub fn score(row: &[f32], token: u32, top: usize) -> Score {
    let shift = log_sum_exp(row);
    let at = |id: u32| {
        let logprob = (f64::from(row[id as usize]) - shift) as f32;
        TokenLogprob { id, logprob }
    };
    let own = row[token as usize];
    let by_logit = |&a: &u32, &b: &u32| {
        descending(f64::from(row[a as usize]), f64::from(row[b as usize])).then(a.cmp(&b))
    };
    Score {
        token: at(token),
        rank: row.iter().filter(|&&logit| logit >= own).count(),
        top: most_probable(row.len(), top, by_logit).into_iter().map(at).collect(),
    }
}

/// Orders larger numbers first.
pub fn descending(a: f64, b: f64) -> Ordering {
    b.total_cmp(&a)
}

/// Index of the largest number, the first of several.
pub fn largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, &value) in values.iter().enumerate() {
        if value > values[best] {
            best = index;
        }
    }
    best
}

/// Logarithm of the sum of the exponentials.
pub fn log_sum_exp(row: &[f32]) -> f64 {
    let peak = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    peak + row.iter().map(|&logit| (f64::from(logit) - peak).exp()).sum::<f64>().ln()
}

/// The first `top` ids below `count`, in order.
pub fn most_probable(
    count: usize,
    top: usize,
    order: impl Fn(&u32, &u32) -> Ordering + Copy,
) -> Vec<u32> {
    let top = top.min(count);
    if top == 0 {
        return Vec::new();
    }
    let mut ids: Vec<u32> = (0..count as u32).collect();
    ids.select_nth_unstable_by(top - 1, order);
    ids.truncate(top);
    ids.sort_unstable_by(order);
    ids
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

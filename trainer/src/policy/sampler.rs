//! From one row of logits to a token: penalties, temperature, min-p, top-k, top-p, one draw.
//!
//! Pure, and in f64: the token and its log-probability depend on the row, the settings and the
//! uniform number alone. The order of the steps is vLLM's. A vocabulary is large: without truncation
//! there is a pass for the largest logit and one for the total weight; with it only tokens that may be
//! kept are sorted.

use retrial_native::cpu::Logits;

use super::ranking::log_sum_exp;
use super::sampling::{Draw, History, LogprobsMode, Sampling, TokenLogprob};
use super::truncation::{Kept, Scaled};

/// Chooses a token of `row`; `uniform` in [0, 1) decides which. Log-probabilities are those of
/// `mode`; the `top` most probable tokens are reported too.
pub fn draw(
    row: &[f32],
    sampling: &Sampling,
    history: History<'_>,
    uniform: f64,
    mode: LogprobsMode,
    top: usize,
) -> Draw {
    let changed = penalised(row, sampling, history);
    let logits = changed.as_deref().map_or(Logits::Raw(row), Logits::Changed);
    let largest = logits.largest();
    let greedy = sampling.is_greedy();
    let scale = if greedy { 1.0 } else { sampling.temperature.recip() };
    let scaled = Scaled { logits, peak: logits.get(largest), scale };
    let kept = if greedy { Kept::All } else { scaled.truncate(sampling) };
    let (total, id) = match &kept {
        Kept::All => {
            let sums = scaled.block_weights();
            let total = sums.iter().sum::<f64>();
            let id =
                if greedy { largest } else { scaled.in_blocks(&sums, uniform * total, largest) };
            (total, id)
        }
        Kept::Some(ids) => {
            let total = ids.iter().map(|&id| scaled.weight(id)).sum::<f64>();
            let ids = ids.iter().map(|&id| id as usize);
            (total, scaled.invert(ids, 0.0, uniform * total).unwrap_or(largest))
        }
    };
    let raw = Logits::Raw(row);
    let (shift, log_total) = match mode {
        LogprobsMode::Processed => (0.0, total.ln()),
        LogprobsMode::Raw => (log_sum_exp(row), 0.0),
    };
    let at = |id: u32| {
        let logprob = match mode {
            LogprobsMode::Raw => raw.get(id as usize) - shift,
            // Dropped, or underflowed to 0.
            LogprobsMode::Processed if !kept.has(id) || scaled.weight(id) == 0.0 => {
                f64::NEG_INFINITY
            }
            LogprobsMode::Processed => (logits.get(id as usize) - scaled.peak) * scale - log_total,
        };
        TokenLogprob { id, logprob: logprob as f32 }
    };
    let most = match (mode, &kept) {
        (LogprobsMode::Raw, _) => raw.most(top),
        (LogprobsMode::Processed, Kept::All) => logits.most(top),
        (LogprobsMode::Processed, Kept::Some(ids)) => {
            let mut first = ids.clone();
            first.sort_unstable_by(|&a, &b| logits.descending(a, b));
            let dropped = (0..row.len() as u32).filter(|id| ids.binary_search(id).is_err());
            let missing = top.saturating_sub(first.len());
            first.extend(dropped.take(missing));
            first.truncate(top);
            first
        }
    };
    Draw { chosen: at(id as u32), top: most.into_iter().map(at).collect() }
}

/// The logits after the penalties, if there are any.
fn penalised(row: &[f32], sampling: &Sampling, history: History<'_>) -> Option<Vec<f64>> {
    let (presence, frequency) = (sampling.presence_penalty, sampling.frequency_penalty);
    let repetition = sampling.repetition_penalty;
    let repeats = (repetition - 1.0).abs() > 0.0;
    let counts = presence.abs() > 0.0 || frequency.abs() > 0.0;
    if !repeats && !counts {
        return None;
    }
    let mut logits = Logits::Raw(row).to_f64();
    if repeats {
        let mut seen: Vec<u32> = [history.prompt, history.output].concat();
        seen.sort_unstable();
        seen.dedup();
        for id in seen {
            let logit = &mut logits[id as usize];
            *logit = if *logit > 0.0 { *logit / repetition } else { *logit * repetition };
        }
    }
    if counts {
        let mut sampled = history.output.to_vec();
        sampled.sort_unstable();
        for times in sampled.chunk_by(|a, b| a == b) {
            logits[times[0] as usize] -= frequency * times.len() as f64 + presence;
        }
    }
    Some(logits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const NOTHING: History<'_> = History { prompt: &[], output: &[] };

    fn draw(row: &[f32], sampling: &Sampling, uniform: f64, top: usize) -> Draw {
        let mode = LogprobsMode::Processed;
        super::draw(row, sampling, NOTHING, uniform, mode, top)
    }

    /// All tokens with their probabilities under `sampling`, most probable first.
    fn distribution(row: &[f32], sampling: &Sampling) -> Vec<(u32, f64)> {
        let top = draw(row, sampling, 0.5, row.len()).top;
        top.into_iter().map(|t| (t.id, f64::from(t.logprob).exp())).collect()
    }

    fn kept(row: &[f32], sampling: &Sampling) -> Vec<u32> {
        let all = distribution(row, sampling);
        let mut ids: Vec<u32> = all.iter().filter(|(_, p)| *p > 0.0).map(|&(id, _)| id).collect();
        ids.sort_unstable();
        ids
    }

    // Probabilities 0.1, 0.4, 0.2, 0.3.
    fn row() -> Vec<f32> {
        [0.1_f32, 0.4, 0.2, 0.3].iter().map(|p| p.ln() + 3.0).collect()
    }

    #[test]
    fn truncation_keeps_what_it_says() {
        let base = Sampling::default;
        let cases: [(Sampling, &[u32]); 9] = [
            (base(), &[0, 1, 2, 3]),
            (Sampling { top_k: Some(1), ..base() }, &[1]),
            (Sampling { top_k: Some(3), ..base() }, &[1, 2, 3]),
            (Sampling { top_k: Some(9), ..base() }, &[0, 1, 2, 3]),
            (Sampling { top_p: 0.35, ..base() }, &[1]),
            (Sampling { top_p: 0.65, ..base() }, &[1, 3]),
            (Sampling { top_p: 0.75, ..base() }, &[1, 2, 3]),
            (Sampling { min_p: 0.6, ..base() }, &[1, 3]),
            // top-p applies to what top-k kept: 0.4 of 0.7 is under 0.6.
            (Sampling { top_k: Some(2), top_p: 0.6, ..base() }, &[1, 3]),
        ];
        for (sampling, expected) in cases {
            assert_eq!(kept(&row(), &sampling), expected, "{sampling:?}");
        }
        assert_eq!(kept(&[1.0; 5], &Sampling { top_k: Some(2), ..base() }), [0, 1], "ties");
    }

    #[test]
    fn temperature_0_takes_the_largest_and_reports_temperature_1() {
        let greedy = Sampling { temperature: 0.0, top_k: Some(1), ..Sampling::default() };
        for uniform in [0.0, 0.5, 0.999] {
            let draw = draw(&row(), &greedy, uniform, 0);
            assert_eq!(draw.chosen.id, 1);
            assert!((f64::from(draw.chosen.logprob) - 0.4_f64.ln()).abs() < 1e-6);
        }
    }

    #[test]
    fn raw_log_probs_ignore_temperature_truncation_and_penalties() {
        let sampling = Sampling {
            temperature: 2.0,
            top_k: Some(2),
            presence_penalty: 1.0,
            ..Sampling::default()
        };
        let history = History { prompt: &[], output: &[0, 2] };
        let mode = LogprobsMode::Raw;
        let draw = super::draw(&row(), &sampling, history, 0.0, mode, 4);
        let found: Vec<(u32, f32)> = draw.top.iter().map(|t| (t.id, t.logprob.exp())).collect();
        for ((id, p), (expected_id, expected)) in
            found.into_iter().zip([(1, 0.4), (3, 0.3), (2, 0.2), (0, 0.1)])
        {
            assert_eq!(id, expected_id);
            assert!((p - expected).abs() < 1e-6, "{p} {expected}");
        }
    }

    #[test]
    fn penalties_move_the_logits_of_what_occurred() {
        let history = History { prompt: &[0], output: &[1, 1, 2] };
        let after = |sampling: Sampling, row: &[f32]| {
            penalised(row, &sampling, history).expect("there are penalties")
        };
        let row = [2.0, 2.0, -2.0, 2.0];
        let base = Sampling::default;
        let repetition = Sampling { repetition_penalty: 2.0, ..base() };
        assert_eq!(after(repetition, &row), [1.0, 1.0, -4.0, 2.0]);
        let presence = Sampling { presence_penalty: 0.5, ..base() };
        assert_eq!(after(presence, &row), [2.0, 1.5, -2.5, 2.0]);
        let frequency = Sampling { frequency_penalty: 0.5, ..base() };
        assert_eq!(after(frequency, &row), [2.0, 1.0, -2.5, 2.0]);
    }

    #[test]
    fn frequencies_are_the_probabilities() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let sampling = Sampling { temperature: 1.5, top_p: 0.95, ..Sampling::default() };
        let row: Vec<f32> = (0..12).map(|id| (id as f32 * 1.7).sin() * 2.0).collect();
        let expected = distribution(&row, &sampling);
        let draws = 20_000;
        let mut counts = vec![0_u32; row.len()];
        for _ in 0..draws {
            counts[draw(&row, &sampling, random.random(), 0).chosen.id as usize] += 1;
        }
        let mut statistic = 0.0;
        for (id, p) in expected {
            let (count, mean) = (f64::from(counts[id as usize]), p * f64::from(draws));
            assert!(p > 0.0 || counts[id as usize] == 0, "{id} was dropped, and drawn");
            statistic += if p > 0.0 { (count - mean).powi(2) / mean } else { 0.0 };
        }
        // 99.9 % of the chi-square distribution with 11 degrees of freedom.
        assert!(statistic < 31.3, "{statistic}");
    }

    #[test]
    fn logits_that_are_not_numbers_show_in_the_log_prob() {
        let nan = [f32::NAN; 4];
        for temperature in [0.0, 1.0] {
            let sampling = Sampling { temperature, top_p: 0.9, ..Sampling::default() };
            for mode in [LogprobsMode::Raw, LogprobsMode::Processed] {
                let draw = super::draw(&nan, &sampling, NOTHING, 0.5, mode, 0);
                assert!(!draw.chosen.logprob.is_finite());
            }
        }
    }

    fn logits() -> impl Strategy<Value = Vec<f32>> {
        prop::collection::vec(-30.0_f32..30.0, 1..60)
    }

    prop_compose! {
        fn sampling()(
            temperature in 0.1..3.0,
            top_k in prop::option::of(1_usize..70),
            top_p in 0.05..=1.0,
            min_p in prop_oneof![Just(0.0), 0.0..0.9],
        ) -> Sampling {
            Sampling { temperature, top_k, top_p, min_p, ..Sampling::default() }
        }
    }

    proptest! {
        #[test]
        fn probabilities_sum_to_one(row in logits(), sampling in sampling()) {
            let total: f64 = distribution(&row, &sampling).iter().map(|(_, p)| p).sum();
            prop_assert!((total - 1.0).abs() < 1e-5, "{total}");
        }

        #[test]
        fn what_is_drawn_was_kept(row in logits(), sampling in sampling(), uniform in 0.0..1.0) {
            let draw = draw(&row, &sampling, uniform, 0);
            prop_assert!(draw.chosen.logprob.is_finite());
            prop_assert!(kept(&row, &sampling).contains(&draw.chosen.id));
        }

        #[test]
        fn top_p_keeps_the_smallest_set(row in logits(), top_p in 0.01..1.0) {
            let full = distribution(&row, &Sampling::default());
            let kept = kept(&row, &Sampling { top_p, ..Sampling::default() });
            // It is a prefix of the tokens by probability ...
            let mut prefix: Vec<u32> = full[..kept.len()].iter().map(|&(id, _)| id).collect();
            prefix.sort_unstable();
            prop_assert_eq!(&prefix, &kept);
            // ... that reaches top_p, and would not reach it without its last token.
            let mass: f64 = full[..kept.len()].iter().map(|(_, p)| p).sum();
            let last = full[kept.len() - 1].1;
            prop_assert!(mass > top_p - 1e-5 && mass - last < top_p + 1e-5);
        }

        #[test]
        fn a_larger_uniform_number_never_draws_a_lower_id(
            row in logits(), sampling in sampling(), a in 0.0..1.0, b in 0.0..1.0,
        ) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            let id = |uniform| draw(&row, &sampling, uniform, 0).chosen.id;
            prop_assert!(id(low) <= id(high));
        }
    }
}

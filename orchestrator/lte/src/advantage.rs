//! Group-relative advantages.

/// Keeps the division safe when all rewards of a group are equal.
const EPSILON: f64 = 1e-6;

/// What becomes of the spread of a group's rewards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Advantages are divided by it (GRPO).
    Divided,
    /// It stays in the advantages (Dr. GRPO, arXiv 2503.20783).
    Kept,
}

/// `A_i = (R_i - mean) / (std + 1e-6)`, std with G - 1 in the denominator, for each member of a
/// group `[G]`; `A_i = R_i - mean` if the spread is kept. The same for every token of response i.
/// Equal rewards give advantages of 0, whatever their mean is rounded to; so a group of one has 0.
pub fn advantages(rewards: &[f64], spread: Spread) -> Vec<f32> {
    if rewards.iter().all(|reward| *reward == rewards[0]) {
        return vec![0.0; rewards.len()];
    }
    let size = rewards.len() as f64;
    let mean = rewards.iter().sum::<f64>() / size;
    let squares: f64 = rewards.iter().map(|reward| (reward - mean).powi(2)).sum();
    let std = if rewards.len() > 1 { (squares / (size - 1.0)).sqrt() } else { 0.0 };
    let scale = match spread {
        Spread::Divided => std + EPSILON,
        Spread::Kept => 1.0,
    };
    rewards.iter().map(|reward| ((reward - mean) / scale) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn group(passed: usize, size: usize) -> Vec<f64> {
        (0..size).map(|i| if i < passed { 1.0 } else { 0.0 }).collect()
    }

    fn advantages(rewards: &[f64]) -> Vec<f32> {
        super::advantages(rewards, Spread::Divided)
    }

    #[test]
    fn the_spread_may_stay() {
        assert_eq!(super::advantages(&group(1, 4), Spread::Kept), [0.75, -0.25, -0.25, -0.25]);
    }

    #[test]
    fn the_paper_s_group_of_eight() {
        let close = |found: f32, expected: f32| (found - expected).abs() < 1e-3;
        let one = advantages(&group(1, 8));
        assert!(close(one[0], 2.475) && close(one[7], -0.354), "{one:?}");
        let four = advantages(&group(4, 8));
        assert!(close(four[0], 0.935) && close(four[7], -0.935), "{four:?}");
    }

    #[test]
    fn equal_rewards_give_no_advantage() {
        for size in [0, 1, 2, 8] {
            assert!(advantages(&group(size, size)).iter().all(|&a| a == 0.0));
            assert!(advantages(&group(0, size)).iter().all(|&a| a == 0.0));
            assert!(advantages(&vec![0.1; size]).iter().all(|&a| a == 0.0));
        }
    }

    proptest! {
        #[test]
        fn advantages_sum_to_zero_and_follow_the_reward(size in 2..32usize, passed in 1..31usize) {
            prop_assume!(passed < size);
            let found = advantages(&group(passed, size));
            prop_assert!(found.iter().sum::<f32>().abs() < 1e-3);
            prop_assert!(found[0] > 0.0 && found[size - 1] < 0.0);
        }
    }
}

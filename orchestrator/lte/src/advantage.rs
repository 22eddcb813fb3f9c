//! Group-relative advantages.

use crate::Reward;

/// Keeps the division safe when all rewards of a group are equal.
const EPSILON: f64 = 1e-6;

/// `A_i = (R_i - mean) / (std + 1e-6)`, std with G - 1 in the denominator, for each member of a
/// group `[G]`. The same for every token of response i. A group of one has advantage 0.
pub fn advantages(rewards: &[Reward]) -> Vec<f32> {
    let size = rewards.len() as f64;
    let mean = rewards.iter().map(|reward| reward.value()).sum::<f64>() / size;
    let squares: f64 = rewards.iter().map(|reward| (reward.value() - mean).powi(2)).sum();
    let std = if rewards.len() > 1 { (squares / (size - 1.0)).sqrt() } else { 0.0 };
    rewards.iter().map(|reward| ((reward.value() - mean) / (std + EPSILON)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::Reward::{Fail, Pass};
    use super::*;
    use proptest::prelude::*;

    fn group(passed: usize, size: usize) -> Vec<Reward> {
        (0..size).map(|i| if i < passed { Pass } else { Fail }).collect()
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

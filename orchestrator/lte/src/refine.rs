//! The refined group: correct extra rollouts in the place of failures.

use rand::seq::{IndexedRandom, SliceRandom};
use serde::{Deserialize, Serialize};

use crate::{GroupOutcome, Reward, Seed};

/// How many failures of a none-pass group may be replaced.
///
/// When all G are, every reward is equal and the advantage vanishes: the rescue teaches nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxReplacements {
    /// All G.
    #[serde(rename = "group")]
    WholeGroup,
    /// G - 1: at least one failure stays.
    #[default]
    #[serde(rename = "group_minus_one")]
    AllButOne,
}

/// A member of a refined group. `T` is a rollout, or whatever stands for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member<T> {
    /// A rollout of the first trial.
    First(T),
    /// A correct extra rollout that replaced a failure of the first trial.
    Extra {
        /// The extra rollout.
        rollout: T,
        /// The failure that it replaced.
        replaced: T,
    },
    /// The data set's own solution, in the place of a failure of the first trial.
    Solution(T),
}

impl<T> Member<T> {
    /// The rollout that the policy learns from.
    pub fn rollout(&self) -> &T {
        match self {
            Self::First(rollout) | Self::Extra { rollout, .. } | Self::Solution(rollout) => rollout,
        }
    }
}

/// Puts the data set's own `solution` in the place of a failure, chosen at random. A group without a
/// failure stays as it is: the solution would teach it nothing.
pub fn guide<T: Clone>(
    first: &[T],
    solution: T,
    reward: impl Fn(&T) -> Reward,
    seed: Seed,
) -> Vec<Member<T>> {
    let mut group: Vec<Member<T>> = first.iter().cloned().map(Member::First).collect();
    let failures: Vec<usize> =
        (0..first.len()).filter(|&slot| !reward(&first[slot]).passed()).collect();
    if let Some(&slot) = failures.choose(&mut seed.generator()) {
        group[slot] = Member::Solution(solution);
    }
    group
}

/// Replaces failures of a none-pass group, chosen at random, by the correct extra rollouts, first
/// come first served. Every other group stays as it is. The group keeps its size.
pub fn refine<T: Clone>(
    first: &[T],
    extra: &[T],
    reward: impl Fn(&T) -> Reward,
    max: MaxReplacements,
    seed: Seed,
) -> Vec<Member<T>> {
    let mut group: Vec<Member<T>> = first.iter().cloned().map(Member::First).collect();
    let rewards: Vec<Reward> = first.iter().map(&reward).collect();
    if GroupOutcome::of(&rewards) != GroupOutcome::NonePass {
        return group;
    }
    let most = match max {
        MaxReplacements::WholeGroup => group.len(),
        MaxReplacements::AllButOne => group.len().saturating_sub(1),
    };
    let mut slots: Vec<usize> = (0..group.len()).collect();
    slots.shuffle(&mut seed.generator());
    let correct = extra.iter().filter(|rollout| reward(rollout).passed());
    for (slot, rollout) in slots.into_iter().take(most).zip(correct) {
        group[slot] = Member::Extra { rollout: rollout.clone(), replaced: first[slot].clone() };
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASS: Reward = Reward::PASS;
    const FAIL: Reward = Reward::FAIL;

    /// A rollout: its position, and its reward.
    type Rollout = (usize, Reward);

    fn reward(rollout: &Rollout) -> Reward {
        rollout.1
    }

    fn numbered(rewards: &[Reward]) -> Vec<Rollout> {
        rewards.iter().copied().enumerate().collect()
    }

    fn rewards(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Reward>> {
        proptest::collection::vec(prop_oneof![Just(PASS), Just(FAIL)], size)
    }

    proptest! {
        #[test]
        fn a_refined_group_keeps_its_size_and_takes_each_success_once(
            size in 0..9usize, extra in rewards(0..9), seed: u64,
        ) {
            let (first, extra) = (numbered(&vec![FAIL; size]), numbered(&extra));
            for (max, most) in [
                (MaxReplacements::WholeGroup, size),
                (MaxReplacements::AllButOne, size.saturating_sub(1)),
            ] {
                let group = refine(&first, &extra, reward, max, Seed(seed));
                prop_assert_eq!(group.len(), size);
                let mut taken = Vec::new();
                for (slot, member) in group.iter().enumerate() {
                    match *member {
                        Member::First(rollout) => prop_assert_eq!(rollout, first[slot]),
                        Member::Extra { rollout, replaced } => {
                            prop_assert_eq!(replaced, first[slot]);
                            taken.push(rollout);
                        }
                        Member::Solution(_) => prop_assert!(false, "there is none"),
                    }
                }
                taken.sort_unstable_by_key(|&(position, _)| position);
                let correct: Vec<Rollout> =
                    extra.iter().copied().filter(|e| e.1 == PASS).take(most).collect();
                prop_assert_eq!(taken, correct);
            }
        }

        #[test]
        fn a_group_with_a_success_is_left_alone(
            first in rewards(1..9), extra in rewards(0..9), seed: u64,
        ) {
            prop_assume!(first.contains(&PASS));
            let (first, extra) = (numbered(&first), numbered(&extra));
            let group = refine(&first, &extra, reward, MaxReplacements::WholeGroup, Seed(seed));
            prop_assert_eq!(group, first.into_iter().map(Member::First).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_solution_takes_the_place_of_one_failure() {
        let solution = (9, PASS);
        let guided = |first: &[Reward], seed| guide(&numbered(first), solution, reward, seed);
        let solutions = |group: &[Member<Rollout>]| {
            group.iter().filter(|&&member| member == Member::Solution(solution)).count()
        };
        for seed in (0..50).map(Seed) {
            assert_eq!(solutions(&guided(&[FAIL; 4], seed)), 1);
            assert_eq!(guided(&[PASS, FAIL, PASS], seed)[1], Member::Solution(solution));
            assert_eq!(solutions(&guided(&[PASS; 4], seed)), 0);
        }
    }

    #[test]
    fn the_slot_is_random_and_follows_from_the_seed() {
        let (first, extra) = (numbered(&[FAIL; 8]), numbered(&[PASS]));
        let slot = |seed| {
            let group = refine(&first, &extra, reward, MaxReplacements::AllButOne, Seed(seed));
            group.iter().position(|member| matches!(member, Member::Extra { .. })).unwrap()
        };
        let slots: std::collections::HashSet<usize> = (0..200).map(slot).collect();
        assert_eq!(slots.len(), 8);
        assert_eq!(slot(5), slot(5));
    }
}

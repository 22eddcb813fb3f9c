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

/// A member of a refined group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// The rollout of the first trial with this position.
    First(usize),
    /// The extra rollout with this position.
    Extra(usize),
    /// The data set's own solution.
    Solution,
}

/// Puts the data set's own solution in the place of a failure, chosen at random. A group without a
/// failure stays as it is: the solution would teach it nothing.
pub fn guide(first: &[Reward], seed: Seed) -> Vec<Member> {
    let mut group: Vec<Member> = (0..first.len()).map(Member::First).collect();
    let failures: Vec<usize> = (0..first.len()).filter(|&i| first[i] == Reward::Fail).collect();
    if let Some(&slot) = failures.choose(&mut seed.generator()) {
        group[slot] = Member::Solution;
    }
    group
}

/// Replaces failures of a none-pass group, chosen at random, by the correct extra rollouts, first
/// come first served. Every other group stays as it is. The group keeps its size.
pub fn refine(first: &[Reward], extra: &[Reward], max: MaxReplacements, seed: Seed) -> Vec<Member> {
    let mut group: Vec<Member> = (0..first.len()).map(Member::First).collect();
    if GroupOutcome::of(first) != GroupOutcome::NonePass {
        return group;
    }
    let most = match max {
        MaxReplacements::WholeGroup => group.len(),
        MaxReplacements::AllButOne => group.len().saturating_sub(1),
    };
    let mut slots: Vec<usize> = (0..group.len()).collect();
    slots.shuffle(&mut seed.generator());
    let correct = (0..extra.len()).filter(|&position| extra[position] == Reward::Pass);
    for (slot, position) in slots.into_iter().take(most).zip(correct) {
        group[slot] = Member::Extra(position);
    }
    group
}

#[cfg(test)]
mod tests {
    use super::Reward::{Fail, Pass};
    use super::*;
    use proptest::prelude::*;

    fn rewards(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Reward>> {
        proptest::collection::vec(prop_oneof![Just(Pass), Just(Fail)], size)
    }

    proptest! {
        #[test]
        fn a_refined_group_keeps_its_size_and_takes_each_success_once(
            size in 0..9usize, extra in rewards(0..9), seed: u64,
        ) {
            let first = vec![Fail; size];
            for (max, most) in [
                (MaxReplacements::WholeGroup, size),
                (MaxReplacements::AllButOne, size.saturating_sub(1)),
            ] {
                let group = refine(&first, &extra, max, Seed(seed));
                prop_assert_eq!(group.len(), size);
                let mut taken = Vec::new();
                for (slot, member) in group.iter().enumerate() {
                    match *member {
                        Member::First(position) => prop_assert_eq!(position, slot),
                        Member::Extra(position) => taken.push(position),
                        Member::Solution => prop_assert!(false, "there is none"),
                    }
                }
                taken.sort_unstable();
                let correct: Vec<usize> =
                    (0..extra.len()).filter(|&i| extra[i] == Pass).take(most).collect();
                prop_assert_eq!(taken, correct);
            }
        }

        #[test]
        fn a_group_with_a_success_is_left_alone(
            first in rewards(1..9), extra in rewards(0..9), seed: u64,
        ) {
            prop_assume!(first.contains(&Pass));
            let group = refine(&first, &extra, MaxReplacements::WholeGroup, Seed(seed));
            prop_assert_eq!(group, (0..first.len()).map(Member::First).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_solution_takes_the_place_of_one_failure() {
        let solutions = |group: &[Member]| {
            let of = |member: &&Member| **member == Member::Solution;
            group.iter().filter(of).count()
        };
        for seed in (0..50).map(Seed) {
            assert_eq!(solutions(&guide(&[Fail; 4], seed)), 1);
            assert_eq!(guide(&[Pass, Fail, Pass], seed)[1], Member::Solution);
            assert_eq!(solutions(&guide(&[Pass; 4], seed)), 0);
        }
    }

    #[test]
    fn the_slot_is_random_and_follows_from_the_seed() {
        let slot = |seed| {
            let group = refine(&[Fail; 8], &[Pass], MaxReplacements::AllButOne, Seed(seed));
            group.iter().position(|member| matches!(member, Member::Extra(0))).unwrap()
        };
        let slots: std::collections::HashSet<usize> = (0..200).map(slot).collect();
        assert_eq!(slots.len(), 8);
        assert_eq!(slot(5), slot(5));
    }
}

//! Which problems a step trains on.

use rand::seq::SliceRandom;
use retrial_lte::Seed;
use retrial_protocol::Step;

/// Positions in the data set of the problems of a step, none twice.
///
/// The data set is gone through in epochs, each in an order of its own; a step that an epoch ends
/// in goes on with the next. It follows from the step's number alone, so there is no cursor to lose.
pub fn problems_of(step: Step, problems: usize, size: usize, seed: Seed) -> Vec<usize> {
    let wanted = problems.min(size);
    let start = (step.0 as usize - 1) * wanted;
    let mut chosen = Vec::with_capacity(wanted);
    let mut epoch = start / size;
    let mut offset = start % size;
    while chosen.len() < wanted {
        let mut order: Vec<usize> = (0..size).collect();
        order.shuffle(&mut seed.of(epoch as u64).generator());
        for position in order.into_iter().skip(offset) {
            if chosen.len() < wanted && !chosen.contains(&position) {
                chosen.push(position);
            }
        }
        epoch += 1;
        offset = 0;
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_has_distinct_problems(step in 1..50u64, problems in 1..20usize, size in 1..30usize) {
            let chosen = problems_of(Step(step), problems, size, Seed(3));
            prop_assert_eq!(chosen.len(), problems.min(size));
            let distinct: std::collections::HashSet<_> = chosen.iter().collect();
            prop_assert_eq!(distinct.len(), chosen.len());
            prop_assert!(chosen.iter().all(|&position| position < size));
        }
    }

    #[test]
    fn an_epoch_visits_every_problem_once() {
        let mut visited: Vec<usize> =
            (1..=5).flat_map(|step| problems_of(Step(step), 4, 20, Seed(1))).collect();
        visited.sort_unstable();
        assert_eq!(visited, (0..20).collect::<Vec<_>>());
        assert_ne!(problems_of(Step(1), 20, 20, Seed(1)), problems_of(Step(2), 20, 20, Seed(1)));
    }
}

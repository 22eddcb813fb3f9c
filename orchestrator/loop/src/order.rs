//! The order of problems: which ones a step trains on.

use rand::seq::SliceRandom;
use retrial_data::{Part, Share, shares};
use retrial_lte::Seed;
use retrial_protocol::Step;

/// Positions in the data set of the problems of a step, none twice.
///
/// Each source gives problems by its weight. It is read in epochs, each in an order of its
/// own; a step at the end of an epoch continues with the next. All of it depends on the step's number
/// alone, so there is no cursor to lose.
pub fn problems_of(step: Step, problems: usize, parts: &[Part], seed: Seed) -> Vec<usize> {
    let parts: Vec<&Part> = parts.iter().filter(|part| !part.places.is_empty()).collect();
    if let [part] = parts.as_slice() {
        let wanted = problems.min(part.places.len());
        let before = (step.0 as usize - 1) * wanted;
        return take(Share { before, now: wanted }, part, seed);
    }
    let weights: Vec<f64> = parts.iter().map(|part| part.weight).collect();
    let shares = shares(&weights, problems, step.0);
    let seeds = (0..).map(|place| seed.of_text("source").of(place));
    parts
        .iter()
        .zip(shares)
        .zip(seeds)
        .flat_map(|((part, share), seed)| take(share, part, seed))
        .collect()
}

/// The next problems of a source, as many as it has at most.
fn take(share: Share, part: &Part, seed: Seed) -> Vec<usize> {
    let size = part.places.len();
    let wanted = share.now.min(size);
    let mut chosen = Vec::with_capacity(wanted);
    let mut epoch = share.before / size;
    let mut offset = share.before % size;
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
    chosen.into_iter().map(|position| part.places.start + position).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn parts(sizes: &[usize]) -> Vec<Part> {
        let mut from = 0;
        let part = |&size: &usize| {
            let places = from..from + size;
            from += size;
            Part { source: String::new(), weight: 1.0 + size as f64, places }
        };
        sizes.iter().map(part).collect()
    }

    fn of_one(step: u64, problems: usize, size: usize, seed: Seed) -> Vec<usize> {
        problems_of(Step(step), problems, &parts(&[size]), seed)
    }

    proptest! {
        #[test]
        fn a_step_has_distinct_problems(step in 1..50u64, problems in 1..20usize, size in 1..30usize) {
            let chosen = of_one(step, problems, size, Seed(3));
            prop_assert_eq!(chosen.len(), problems.min(size));
            let distinct: HashSet<_> = chosen.iter().collect();
            prop_assert_eq!(distinct.len(), chosen.len());
            prop_assert!(chosen.iter().all(|&position| position < size));
        }

        #[test]
        fn sources_give_distinct_problems_of_their_own(
            step in 1..50u64, problems in 1..20usize, sizes in prop::collection::vec(0..30usize, 1..4),
        ) {
            prop_assume!(sizes.iter().any(|&size| size > 0));
            let chosen = problems_of(Step(step), problems, &parts(&sizes), Seed(3));
            let distinct: HashSet<_> = chosen.iter().collect();
            prop_assert_eq!(distinct.len(), chosen.len());
            prop_assert!(chosen.len() <= problems);
            prop_assert!(chosen.iter().all(|&position| position < sizes.iter().sum()));
        }
    }

    #[test]
    fn an_epoch_visits_every_problem_once() {
        let mut visited: Vec<usize> =
            (1..=5).flat_map(|step| of_one(step, 4, 20, Seed(1))).collect();
        visited.sort_unstable();
        assert_eq!(visited, (0..20).collect::<Vec<_>>());
        assert_ne!(of_one(1, 20, 20, Seed(1)), of_one(2, 20, 20, Seed(1)));
    }

    #[test]
    fn weights_are_shares_of_the_problems() {
        let mut parts = parts(&[100, 100]);
        (parts[0].weight, parts[1].weight) = (3.0, 1.0);
        let steps: Vec<usize> =
            (1..=10).flat_map(|step| problems_of(Step(step), 4, &parts, Seed(1))).collect();
        assert_eq!(steps.iter().filter(|&&position| position < 100).count(), 30);
        assert_eq!(steps.iter().collect::<HashSet<_>>().len(), 40, "no problem twice in an epoch");
    }
}

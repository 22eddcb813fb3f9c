//! How many problems a step takes from each source, by the weights.

/// How many problems a step takes from a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Problems taken by earlier steps.
    pub before: usize,
    /// Problems of this step.
    pub now: usize,
}

/// Divides the problems of a step, from 1, among sources by their weights.
///
/// Each problem comes from the source that is furthest behind its weight (Webster's method). So the result
/// depends on the step's number alone, and over many steps each source has its share.
pub fn shares(weights: &[f64], problems: usize, step: u64) -> Vec<Share> {
    let mut shares = vec![Share::default(); weights.len()];
    let earlier = problems * (step - 1) as usize;
    for draw in 0..earlier + problems {
        let reached = |place: usize| (shares[place].before + shares[place].now) as f64 + 0.5;
        let behind = (0..weights.len())
            .min_by(|&a, &b| (reached(a) / weights[a]).total_cmp(&(reached(b) / weights[b])));
        if let Some(place) = behind {
            let share = &mut shares[place];
            *(if draw < earlier { &mut share.before } else { &mut share.now }) += 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_step_is_full_and_goes_on(
            weights in prop::collection::vec(0.1..9.0, 1..5), problems in 1..20usize, step in 1..20u64,
        ) {
            let (this, next) = (shares(&weights, problems, step), shares(&weights, problems, step + 1));
            prop_assert_eq!(this.iter().map(|share| share.now).sum::<usize>(), problems);
            for (this, next) in this.iter().zip(next) {
                prop_assert_eq!(this.before + this.now, next.before);
            }
        }
    }

    #[test]
    fn weights_are_shares() {
        let totals = |step| {
            let shares = shares(&[3.0, 1.0], 4, step);
            shares.iter().map(|share| share.before + share.now).collect::<Vec<_>>()
        };
        assert_eq!(totals(1), [3, 1]);
        assert_eq!(totals(100), [300, 100]);
    }
}

//! Denominators of the sums over samples.

use retrial_protocol::{Normalisation, Part, Sample};

/// Size of a part, or of both together. Z and Z' of the paper are its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartTotals {
    /// Responses.
    pub samples: usize,
    /// Their tokens.
    pub tokens: usize,
}

/// Totals for the tokens of either part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    on_policy: PartTotals,
    hinted: PartTotals,
}

impl Totals {
    /// Counts all samples of an optimizer step, including those without advantage.
    pub fn of(samples: &[Sample], normalisation: Normalisation) -> Self {
        let count = |of_part: &dyn Fn(&&Sample) -> bool| {
            let lengths = samples.iter().filter(of_part).map(|sample| sample.response.len());
            let (count, tokens) =
                lengths.fold((0, 0), |(count, tokens), length| (count + 1, tokens + length));
            PartTotals { samples: count, tokens }
        };
        match normalisation {
            Normalisation::Common => {
                let all = count(&|_| true);
                Self { on_policy: all, hinted: all }
            }
            Normalisation::Separate => Self {
                on_policy: count(&|sample| sample.part == Part::OnPolicy),
                hinted: count(&|sample| sample.part == Part::Hinted),
            },
        }
    }

    /// The denominator of the sum over a part.
    pub fn of_part(&self, part: Part) -> PartTotals {
        match part {
            Part::OnPolicy => self.on_policy,
            Part::Hinted => self.hinted,
        }
    }
}

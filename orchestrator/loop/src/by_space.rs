//! Second trials by how many answers their problems can have: where these are few, guessing rescues too.

use retrial_grader::Verdict;
use retrial_protocol::Metric;

use crate::group::{Group, Second};

/// How many answers a problem can have, roughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Two.
    Two,
    /// Three to five.
    Few,
    /// Six or more, and these are known.
    Several,
    /// Nobody knows.
    Open,
}

/// Second trials of problems with answer spaces of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BySpace {
    /// The size.
    pub size: Size,
    /// Problems that got a second trial.
    pub problems: usize,
    /// Those of them with a correct extra rollout.
    pub rescued: usize,
}

impl Size {
    const ALL: [Self; 4] = [Self::Two, Self::Few, Self::Several, Self::Open];

    fn of(answers: Option<usize>) -> Self {
        match answers {
            None => Self::Open,
            Some(0..=2) => Self::Two,
            Some(3..=5) => Self::Few,
            Some(_) => Self::Several,
        }
    }

    /// The numbers of second trials, and of rescues.
    pub fn metrics(self) -> (Metric, Metric) {
        match self {
            Self::Two => (Metric::HintedOf2, Metric::RescuedOf2),
            Self::Few => (Metric::HintedOf3To5, Metric::RescuedOf3To5),
            Self::Several => (Metric::HintedOf6Up, Metric::RescuedOf6Up),
            Self::Open => (Metric::HintedOfOpen, Metric::RescuedOfOpen),
        }
    }
}

/// Second trials by the sizes of answer spaces, sizes that did not occur left out; none where no size is
/// known.
pub fn by_space(groups: &[Group]) -> Vec<BySpace> {
    let seconds: Vec<&Second> = groups.iter().filter_map(|group| group.second.as_ref()).collect();
    if seconds.iter().all(|second| second.retry.answer_space.is_none()) {
        return Vec::new();
    }
    let of_size = |size: Size| {
        let of = |second: &&&Second| Size::of(second.retry.answer_space) == size;
        let rescues = |second: &&&Second| {
            second.extra.iter().any(|graded| graded.verdict() == Verdict::Correct)
        };
        BySpace {
            size,
            problems: seconds.iter().filter(of).count(),
            rescued: seconds.iter().filter(of).filter(rescues).count(),
        }
    };
    Size::ALL.map(of_size).into_iter().filter(|found| found.problems > 0).collect()
}

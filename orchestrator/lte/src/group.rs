//! The outcome of a group: the G rollouts of a problem in a step.

/// The reward of a graded rollout, 1 or 0.
///
/// A rollout that could not be graded has no reward and belongs to no group: it is never a 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reward {
    /// The answer is right: 1.
    Pass,
    /// The answer is wrong, or there is none: 0.
    Fail,
}

/// How a group ended (arXiv 2510.26109, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupOutcome {
    /// No rollout passed: without a second trial the problem teaches nothing.
    NonePass,
    /// Some passed: an ordinary GRPO group.
    SomePass,
    /// All passed: the problem is solved and teaches nothing.
    AllPass,
}

impl Reward {
    /// The reward as a number.
    pub fn value(self) -> f64 {
        match self {
            Self::Pass => 1.0,
            Self::Fail => 0.0,
        }
    }
}

impl GroupOutcome {
    /// The outcome of a group with these rewards; a group without any has none passing.
    pub fn of(rewards: &[Reward]) -> Self {
        match rewards.iter().filter(|&&reward| reward == Reward::Pass).count() {
            0 => Self::NonePass,
            passed if passed == rewards.len() => Self::AllPass,
            _ => Self::SomePass,
        }
    }

    /// The word for it in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NonePass => "none",
            Self::SomePass => "some",
            Self::AllPass => "all",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reward::{Fail, Pass};
    use super::*;

    #[test]
    fn outcomes() {
        assert_eq!(GroupOutcome::of(&[]), GroupOutcome::NonePass);
        assert_eq!(GroupOutcome::of(&[Fail, Fail]), GroupOutcome::NonePass);
        assert_eq!(GroupOutcome::of(&[Fail, Pass]), GroupOutcome::SomePass);
        assert_eq!(GroupOutcome::of(&[Pass, Pass]), GroupOutcome::AllPass);
    }
}

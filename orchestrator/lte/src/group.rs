//! The outcome of a group: the G rollouts of a problem in a step.

/// The reward of a graded rollout: a number between 0 and 1, and whether the rollout passed.
///
/// The number trains. Passing decides the outcome of the group, the second trial and what rescues.
/// A rollout that could not be graded has no reward and belongs to no group: it is never a 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reward {
    value: f64,
    passed: bool,
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
    /// The answer is right: 1.
    pub const PASS: Self = Self { value: 1.0, passed: true };
    /// The answer is wrong, or there is none: 0.
    pub const FAIL: Self = Self { value: 0.0, passed: false };

    /// A reward of this number, which is brought between 0 and 1.
    pub fn new(value: f64, passed: bool) -> Self {
        Self { value: value.clamp(0.0, 1.0), passed }
    }

    /// The reward as a number.
    pub fn value(self) -> f64 {
        self.value
    }

    /// Whether the rollout passed.
    pub fn passed(self) -> bool {
        self.passed
    }
}

impl GroupOutcome {
    /// The outcome of a group with these rewards; a group without any has none passing.
    pub fn of(rewards: &[Reward]) -> Self {
        match rewards.iter().filter(|reward| reward.passed).count() {
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
    use super::*;

    const PASS: Reward = Reward::PASS;
    const FAIL: Reward = Reward::FAIL;

    #[test]
    fn outcomes() {
        assert_eq!(GroupOutcome::of(&[]), GroupOutcome::NonePass);
        assert_eq!(GroupOutcome::of(&[FAIL, FAIL]), GroupOutcome::NonePass);
        assert_eq!(GroupOutcome::of(&[FAIL, PASS]), GroupOutcome::SomePass);
        assert_eq!(GroupOutcome::of(&[PASS, PASS]), GroupOutcome::AllPass);
    }

    #[test]
    fn passing_counts_and_the_number_does_not() {
        let (half, most) = (Reward::new(0.5, false), Reward::new(0.9, true));
        assert_eq!(GroupOutcome::of(&[half, half]), GroupOutcome::NonePass);
        assert_eq!(GroupOutcome::of(&[half, most]), GroupOutcome::SomePass);
        assert_eq!(GroupOutcome::of(&[most, PASS]), GroupOutcome::AllPass);
        assert_eq!(Reward::new(1.5, true), PASS);
    }
}

//! Why reading or comparing stops, and the budget of steps that one comparison may spend.

use std::cell::Cell;

use crate::rules::Policy;
use crate::verdict::{Reason, Verdict};

/// Why reading an answer or comparing two stops without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The text is not an expression.
    Syntax,
    /// The text has control characters.
    Control,
    /// The text is too long or too deep.
    TooLarge,
    /// The comparison costs too much.
    TooCostly,
    /// The expression has no value at a point.
    Undefined,
}

impl Stop {
    pub(crate) const fn verdict(self) -> Verdict {
        match self {
            Self::TooCostly => Verdict::Timeout,
            _ => Verdict::Unparsed,
        }
    }

    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::Syntax | Self::Undefined => Reason::Unreadable,
            Self::Control => Reason::ControlCharacters,
            Self::TooLarge => Reason::TooLarge,
            Self::TooCostly => Reason::TooCostly,
        }
    }
}

/// Steps that one comparison may take: about 20 ms of arithmetic.
const STEPS: u64 = 1_000_000;

/// The steps that are left to one comparison, counted down by everything that computes, and the
/// policy that it follows.
///
/// A step is about the work of one addition of machine-sized numbers. Counting steps instead of
/// reading a clock makes a verdict the same on every machine.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<u64>,
    policy: Policy,
}

impl Budget {
    pub(crate) const fn new(policy: Policy) -> Self {
        Self { left: Cell::new(STEPS), policy }
    }

    /// Whether the comparison is as lenient as those of other graders.
    pub(crate) fn is_lenient(&self) -> bool {
        self.policy == Policy::Lenient
    }

    /// Pays for some steps.
    pub(crate) fn spend(&self, steps: u64) -> Result<(), Stop> {
        let left = self.left.get().checked_sub(steps).ok_or(Stop::TooCostly)?;
        self.left.set(left);
        Ok(())
    }
}

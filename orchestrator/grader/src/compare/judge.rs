//! How kinds of answers compare what they are made of.
//!
//! An answer holds answers: the elements of a list, the entries of a matrix, both sides of a relation.
//! Each may be of any kind, so a kind does not know how its members are compared. The [`Judge`] does.

use std::ops::Deref;

use crate::algebra::{Reading, canon, same};
use crate::ast::Expr;
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

/// Compares two answers in their shape, of whatever kind they are.
pub(super) type Compare = fn(&Expr, &Expr, &Judge<'_>) -> Result<Reason, Stop>;

/// Compares members of any kind, on one budget.
pub(super) struct Judge<'b> {
    budget: &'b Budget,
    compare: Compare,
}

impl<'b> Judge<'b> {
    pub(super) fn new(budget: &'b Budget, compare: Compare) -> Self {
        Self { budget, compare }
    }

    /// Compares two answers in their shape.
    pub(super) fn compare(&self, gold: &Expr, answer: &Expr) -> Result<Reason, Stop> {
        (self.compare)(gold, answer, self)
    }

    /// Whether two answers in their shape agree.
    pub(super) fn agree(&self, gold: &Expr, answer: &Expr) -> Result<bool, Stop> {
        self.compare(gold, answer).map(Reason::is_correct)
    }
}

impl Deref for Judge<'_> {
    type Target = Budget;

    fn deref(&self) -> &Budget {
        self.budget
    }
}

/// The reason for values that are the same, or not.
pub(super) fn verdict(same: bool) -> Reason {
    if same { Reason::SameValue } else { Reason::DifferentValue }
}

/// Whether two scalars are equal as they are written.
pub(super) fn same_scalar(a: &Expr, b: &Expr, budget: &Budget) -> Result<bool, Stop> {
    let a = canon(a, Reading::LITERAL, budget)?;
    let b = canon(b, Reading::LITERAL, budget)?;
    same(&a, &b, budget)
}

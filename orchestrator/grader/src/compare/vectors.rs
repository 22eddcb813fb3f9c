//! Vectors by unit vectors, and transposed ones.

use super::judge::Judge;
use super::matrix::{entries, vector};
use super::substitute::{letters, substitute};
use crate::algebra::{Reading, canon, same};
use crate::ast::{Bracket, Constant, Expr};
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

/// Compares a vector by unit vectors with another vector; nothing if neither is one.
pub(super) fn compare(
    gold: &Expr,
    answer: &Expr,
    judge: &Judge<'_>,
) -> Result<Option<Reason>, Stop> {
    match (listed(gold), listed(answer)) {
        (Some(items), None) if may_be_units(answer) => match components(answer, judge)? {
            Some(found) => against(&items, &found, judge).map(Some),
            None => Ok(None),
        },
        (None, Some(items)) if may_be_units(gold) => match components(gold, judge)? {
            Some(found) => against(&items, &found, judge).map(Some),
            None => Ok(None),
        },
        // i and j with accents on one side and without on the other.
        (None, None)
            if may_be_units(gold)
                && may_be_units(answer)
                && (is_accented(gold) || is_accented(answer)) =>
        {
            let (Some(a), Some(b)) = (components(gold, judge)?, components(answer, judge)?) else {
                return Ok(None);
            };
            let (a, b): (Vec<&Expr>, Vec<&Expr>) = (a.iter().collect(), b.iter().collect());
            entries(&a, &b, judge).map(Some)
        }
        _ => Ok(None),
    }
}

/// The entries of a tuple or of a row or column.
fn listed(expr: &Expr) -> Option<Vec<&Expr>> {
    match expr {
        Expr::Seq(Bracket::Round | Bracket::Square | Bracket::Angle, items, _)
            if (2..=3).contains(&items.len()) =>
        {
            Some(items.iter().collect())
        }
        Expr::Matrix(rows) => vector(rows).filter(|items| (2..=3).contains(&items.len())),
        _ => None,
    }
}

fn against(items: &[&Expr], found: &[Expr; 3], judge: &Judge<'_>) -> Result<Reason, Stop> {
    if items.len() == 2 && !judge.agree(&Expr::int(0), &found[2])? {
        return Ok(Reason::DifferentCount);
    }
    let found: Vec<&Expr> = found.iter().take(items.len()).collect();
    entries(items, &found, judge)
}

/// Which of the unit vectors an expression is.
fn axis(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Const(Constant::I) => Some(0),
        Expr::Var(name) => match name
            .strip_prefix("hat ")
            .or(name.strip_prefix("vec "))
            .or(name.strip_prefix("widehat "))
            .unwrap_or(name)
        {
            "i" | "e_1" => Some(0),
            "j" | "e_2" => Some(1),
            "k" | "e_3" => Some(2),
            _ => None,
        },
        _ => None,
    }
}

fn is_accented(expr: &Expr) -> bool {
    expr.any(&|part| axis(part).is_some() && matches!(part, Expr::Var(name) if name.len() > 1))
}

/// Whether an expression has more unit vectors than the imaginary unit, and no other kind.
fn may_be_units(expr: &Expr) -> bool {
    let scalar =
        matches!(expr, Expr::Add(_) | Expr::Mul(_) | Expr::Neg(_) | Expr::Var(_) | Expr::Div(..));
    scalar
        && expr.any(&|part| axis(part).is_some() && matches!(part, Expr::Var(_)))
        && (is_accented(expr) || letters(expr).len() <= 3)
}

/// The components of a sum of multiples of unit vectors.
fn components(expr: &Expr, budget: &Budget) -> Result<Option<[Expr; 3]>, Stop> {
    let at = |unit: usize| {
        substitute(expr, &|part| axis(part).map(|axis| Expr::int(i64::from(axis == unit))))
    };
    let found = [at(0), at(1), at(2)];
    // The components make up the whole: it is linear, and nothing is left beside it.
    let name = |axis: usize| Expr::Var(format!("axis {axis}"));
    let whole = substitute(expr, &|part| axis(part).map(name));
    let again = Expr::Add((0..3).map(|axis| found[axis].clone().times(name(axis))).collect());
    let read = |expr: &Expr| match canon(expr, Reading::LITERAL, budget) {
        Ok(sum) => Ok(Some(sum)),
        Err(Stop::Syntax | Stop::Undefined) => Ok(None),
        Err(stop) => Err(stop),
    };
    let (Some(whole), Some(again)) = (read(&whole)?, read(&again)?) else { return Ok(None) };
    Ok(same(&whole, &again, budget)?.then_some(found))
}

/// Whether a power transposes.
pub(super) fn is_transpose(base: &Expr, exponent: &Expr) -> bool {
    matches!(exponent, Expr::Var(name) if name == "T" || name == "t")
        && matches!(
            base,
            Expr::Matrix(_) | Expr::Seq(Bracket::Round | Bracket::Square | Bracket::Angle, ..)
        )
}

/// A matrix with its rows as columns; a tuple as a column.
pub(super) fn transposed(base: &Expr) -> Expr {
    match base {
        Expr::Matrix(rows) => {
            let width = rows.iter().map(Vec::len).max().unwrap_or(0);
            let column = |at: usize| rows.iter().filter_map(|row| row.get(at).cloned()).collect();
            Expr::Matrix((0..width).map(column).collect())
        }
        Expr::Seq(_, items, _) => {
            Expr::Matrix(items.iter().map(|item| vec![item.clone()]).collect())
        }
        other => other.clone(),
    }
}

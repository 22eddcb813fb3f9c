//! Whether an answer says the same as a gold answer, kind by kind.
//!
//! [`shape`] brings both to a form where labels, approximations and both signs are gone; then the
//! kinds decide: [`sets`] of real numbers, [`sequence`]s, relations, matrices, [`scalar`]s, text.

mod cases;
mod clock;
mod declared;
mod family;
mod inequalities;
mod matrix;
mod names;
mod number_sets;
mod pieces;
mod quantities;
mod residues;
mod rounding;
mod scalar;
mod sequence;
mod sets;
mod shape;
mod substitute;
mod text;
mod unit;
mod unit_names;
mod units;
mod vectors;

pub(crate) use text::{is_prose, plain_words, same_text, same_words, spelled_number};

use crate::algebra::{Reading, canon, proportional, same};
use crate::ast::{Bracket, Expr};
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;
use names::{label, measured, value_of, without_domain};
use shape::shaped;

/// Compares a gold answer and an answer; the reason says whether they agree.
pub(crate) fn compare(gold: &Expr, answer: &Expr, budget: &Budget) -> Result<Reason, Stop> {
    if gold == answer {
        return Ok(Reason::SameForm);
    }
    if let Some(gold) = without_domain(gold) {
        return compare(&gold, answer, budget);
    }
    if let Some(answer) = without_domain(answer) {
        return compare(gold, &answer, budget);
    }
    let undone = |expr: &Expr| expr.any(&|e| matches!(e, Expr::Undone(..)));
    // A sum, integral or limit that is worked out at the end of a chain.
    let answer = match answer {
        Expr::Relation(members, ops)
            if ops.iter().all(|op| *op == '=')
                && !undone(gold)
                && undone(answer)
                && !answer.any(&|e| matches!(e, Expr::Apply(name, _) if !name.starts_with("bound") && name != "over")) =>
        {
            members.last().unwrap_or(answer)
        }
        other => other,
    };
    if undone(answer) && !undone(gold) {
        return Ok(Reason::Unevaluated);
    }
    let reason = shaped_compare(&shaped(gold, budget)?, &shaped(answer, budget)?, budget);
    if matches!(reason, Ok(reason) if reason.is_correct()) || matches!(reason, Err(Stop::TooCostly))
    {
        return reason;
    }
    // The same with other letters for what may be any number.
    if let Some(same) = family::compare(gold, answer, budget)? {
        return Ok(same);
    }
    reason
}

/// Compares two answers in their shape.
fn shaped_compare(gold: &Expr, answer: &Expr, budget: &Budget) -> Result<Reason, Stop> {
    budget.spend(50)?;
    if gold == answer {
        return Ok(Reason::SameForm);
    }
    if let Some(reason) = clock::compare(gold, answer) {
        return Ok(reason);
    }
    if let Expr::Clock(_, terms) = gold {
        // A ratio that is a gold answer is in lowest terms.
        return if clock::may_be_ratio(terms) && clock::in_lowest_terms(terms) {
            shaped_compare(&Expr::Ratio(terms.clone()), answer, budget)
        } else {
            Ok(Reason::DifferentKind)
        };
    }
    if let Expr::Clock(_, terms) = answer {
        return if clock::may_be_ratio(terms) {
            shaped_compare(gold, &Expr::Ratio(terms.clone()), budget)
        } else {
            Ok(Reason::DifferentKind)
        };
    }
    if let Some(reason) = residues::compare(gold, answer, budget)? {
        return Ok(reason);
    }
    if let Some(reason) = vectors::compare(gold, answer, budget)? {
        return Ok(reason);
    }
    // Tuples with a rounded entry are looked at again, entry by entry.
    if (sets::is_set(gold) || sets::is_set(answer))
        && let Some(reason) = sets::compare_sets(gold, answer, budget)?
        && (reason.is_correct() || !matches!((gold, answer), (Expr::Seq(..), Expr::Seq(..))))
    {
        return Ok(reason);
    }
    match (gold, answer) {
        (Expr::Relation(..), Expr::Relation(..)) => relations(gold, answer, budget),
        (Expr::Seq(..), _) | (_, Expr::Seq(..)) => {
            sequence::compare_sequences(gold, answer, budget)
        }
        (Expr::Case(a, b), Expr::Case(c, d)) | (Expr::Builder(a, b), Expr::Builder(c, d)) => {
            Ok(verdict(both((a, c), (b, d), budget)?))
        }
        (Expr::Relation(..), _) => {
            match value_of(gold, budget)?.or_else(|| measured(gold, false)) {
                // The equation of a curve is answered by the other side alone.
                Some(value) => shaped_compare(&value, answer, budget),
                None => Ok(Reason::DifferentKind),
            }
        }
        (_, Expr::Relation(..)) => {
            match value_of(answer, budget)?.or_else(|| measured(answer, true)) {
                Some(value) => shaped_compare(gold, &value, budget),
                None => Ok(Reason::DifferentKind),
            }
        }
        (Expr::SetOp(op, a, b), Expr::SetOp(other, c, d)) if op == other => {
            let straight = both((a, c), (b, d), budget)?;
            if straight || *op == '∖' {
                return Ok(verdict(straight));
            }
            Ok(verdict(both((a, d), (b, c), budget)?))
        }
        (Expr::Matrix(rows), Expr::Matrix(others)) => matrix::compare_rows(rows, others, budget),
        // Some write a column as a binomial coefficient.
        (Expr::Matrix(rows), Expr::Call("binom", items)) => {
            matrix::column(rows, items, true, budget)
        }
        (Expr::Call("binom", items), Expr::Matrix(rows)) => {
            matrix::column(rows, items, false, budget)
        }
        (Expr::Text(words), Expr::Text(others)) => Ok(verdict(same_words(words, others))),
        (Expr::Ratio(terms), Expr::Ratio(others)) => scalar::compare_ratios(terms, others, budget),
        (Expr::Residue(..) | Expr::Case(..), _) | (_, Expr::Residue(..) | Expr::Case(..)) => {
            Ok(Reason::DifferentKind)
        }
        (Expr::Matrix(_) | Expr::SetOp(..) | Expr::Builder(..), _)
        | (_, Expr::Matrix(_) | Expr::SetOp(..) | Expr::Builder(..)) => Ok(Reason::DifferentKind),
        _ => scalar::compare_scalars(gold, answer, budget),
    }
}

/// Whether both pairs agree.
fn both(first: (&Expr, &Expr), second: (&Expr, &Expr), budget: &Budget) -> Result<bool, Stop> {
    Ok(agree(first.0, first.1, budget)? && agree(second.0, second.1, budget)?)
}

/// Whether two answers in their shape agree.
fn agree(gold: &Expr, answer: &Expr, budget: &Budget) -> Result<bool, Stop> {
    shaped_compare(gold, answer, budget).map(Reason::is_correct)
}

fn verdict(same: bool) -> Reason {
    if same { Reason::SameValue } else { Reason::DifferentValue }
}

/// Compares two relations: by their values where both only name one, as equations otherwise.
fn relations(gold: &Expr, answer: &Expr, budget: &Budget) -> Result<Reason, Stop> {
    let (Expr::Relation(left, ops), Expr::Relation(right, others)) = (gold, answer) else {
        return Ok(Reason::DifferentKind);
    };
    if let (Some(name), Some(other)) = (label(gold), label(answer))
        && let (Some(value), Some(found)) = (value_of(gold, budget)?, value_of(answer, budget)?)
    {
        // f(x) = x^2 is f(t) = t^2, and not f(t) = x^2.
        if let Some(found) = substitute::bound(name, other, &found) {
            return Ok(verdict(agree(&value, &found, budget)?));
        }
        // A curve may be named y or f(x); a number is the value of what it is named after.
        let curve = value.any(&|e| matches!(e, Expr::Var(_) | Expr::Residue(..) | Expr::Case(..)))
            && !matches!(name, Expr::Seq(..));
        let tuples = matches!((name, other), (Expr::Seq(..), Expr::Seq(..)));
        if (agree(name, other, budget)? || curve || tuples) && agree(&value, &found, budget)? {
            return Ok(Reason::SameValue);
        }
    }
    if ops.len() == 1
        && others.len() == 1
        && let Some(same) = equations(left, ops[0], right, others[0], budget)?
    {
        return Ok(verdict(same));
    }
    if ops == others {
        let mut all = true;
        for (a, b) in left.iter().zip(right) {
            all = all && agree(a, b, budget)?;
        }
        return Ok(verdict(all));
    }
    Ok(Reason::DifferentValue)
}

/// Whether two equations or inequalities have the same solutions: one is a multiple of the other.
fn equations(
    left: &[Expr],
    op: char,
    right: &[Expr],
    other: char,
    budget: &Budget,
) -> Result<Option<bool>, Stop> {
    let difference = |sides: &[Expr]| -> Result<_, Stop> {
        let [a, b] = sides else { return Err(Stop::Syntax) };
        canon(a, Reading::LITERAL, budget)?.sub(&canon(b, Reading::LITERAL, budget)?, budget)
    };
    let (a, b) = match (difference(left), difference(right)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(Stop::Syntax), _) | (_, Err(Stop::Syntax)) => return Ok(None),
        (Err(stop), _) | (_, Err(stop)) => return Err(stop),
    };
    let Some(positive) = proportional(&a, &b, budget)? else { return Ok(Some(false)) };
    let turned = match other {
        '<' => '>',
        '>' => '<',
        '≤' => '≥',
        '≥' => '≤',
        same => same,
    };
    Ok(Some(op == if positive { other } else { turned }))
}

/// The canonical form of an answer: equal answers usually share it.
pub(crate) fn canonical(expr: &Expr, budget: &Budget) -> Result<String, Stop> {
    print(&shaped(expr, budget)?, budget)
}

fn print(expr: &Expr, budget: &Budget) -> Result<String, Stop> {
    let each = |items: &[Expr]| {
        items.iter().map(|item| print(item, budget)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match expr {
        Expr::Seq(Bracket::None | Bracket::Curly, items, _) => {
            let mut texts = each(items)?;
            texts.sort();
            texts.dedup();
            format!("{{{}}}", texts.join(", "))
        }
        Expr::Seq(open, items, close) => {
            let open = if *open == Bracket::Square { '[' } else { '(' };
            let close = if *close == Bracket::Square { ']' } else { ')' };
            format!("{open}{}{close}", each(items)?.join(", "))
        }
        Expr::Relation(members, ops) => {
            if let Some(value) = value_of(expr, budget)? {
                return print(&value, budget);
            }
            let members = each(members)?;
            let mut text = members.first().cloned().unwrap_or_default();
            for (op, member) in ops.iter().zip(members.iter().skip(1)) {
                text = format!("{text} {op} {member}");
            }
            text
        }
        Expr::SetOp(op, a, b) => format!("{} {op} {}", print(a, budget)?, print(b, budget)?),
        Expr::Matrix(rows) => {
            let rows = rows
                .iter()
                .map(|row| Ok(format!("[{}]", each(row)?.join(", "))))
                .collect::<Result<Vec<_>, Stop>>()?;
            format!("[{}]", rows.join(", "))
        }
        Expr::Ratio(terms) => each(terms)?.join(":"),
        Expr::Clock(clock, _) => clock::print(*clock),
        Expr::Case(a, b) => format!("{} if {}", print(a, budget)?, print(b, budget)?),
        Expr::Residue(a, b) => format!("{} mod {}", print(a, budget)?, print(b, budget)?),
        Expr::Builder(a, b) => format!("{{{} | {}}}", print(a, budget)?, print(b, budget)?),
        Expr::Text(words) => words.clone(),
        scalar => scalar::print_scalar(scalar, budget)?,
    })
}

/// Whether a word is the name or the sign of a unit.
pub(crate) fn is_unit(word: &str) -> bool {
    unit_names::lookup(word).is_some()
}

/// Whether two scalars are equal as they are written.
fn same_scalar(a: &Expr, b: &Expr, budget: &Budget) -> Result<bool, Stop> {
    let a = canon(a, Reading::LITERAL, budget)?;
    let b = canon(b, Reading::LITERAL, budget)?;
    same(&a, &b, budget)
}

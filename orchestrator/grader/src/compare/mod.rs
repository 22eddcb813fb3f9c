//! Whether an answer says the same as a gold answer, kind by kind.
//!
//! [`shape`] brings both to a form where labels, approximations and both signs are gone; then the
//! kinds decide: [`sets`] of real numbers, [`sequence`]s, relations, matrices, [`scalar`]s, text.

mod cases;
mod clock;
mod declared;
mod family;
mod inequalities;
mod judge;
mod matrix;
mod names;
mod number_sets;
mod pieces;
mod qualifiers;
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

use crate::algebra::{Reading, canon, proportional};
use crate::ast::{Bracket, Expr};
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;
use judge::{Judge, verdict};
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
    let judge = Judge::new(budget, shaped_compare);
    let reason = judge.compare(&shaped(gold, budget)?, &shaped(answer, budget)?);
    if matches!(reason, Ok(reason) if reason.is_correct()) || matches!(reason, Err(Stop::TooCostly))
    {
        return reason;
    }
    // The same with other letters for what may be any number.
    if let Some(same) = family::compare(gold, answer, &judge)? {
        return Ok(same);
    }
    reason
}

/// Compares two answers in their shape.
fn shaped_compare(gold: &Expr, answer: &Expr, judge: &Judge<'_>) -> Result<Reason, Stop> {
    judge.spend(50)?;
    if gold == answer {
        return Ok(Reason::SameForm);
    }
    if let Some(reason) = clock::compare(gold, answer) {
        return Ok(reason);
    }
    if let Expr::Clock(_, terms) = gold {
        // A ratio that is a gold answer is in lowest terms.
        return if clock::may_be_ratio(terms) && clock::in_lowest_terms(terms) {
            judge.compare(&Expr::Ratio(terms.clone()), answer)
        } else {
            Ok(Reason::DifferentKind)
        };
    }
    if let Expr::Clock(_, terms) = answer {
        return if clock::may_be_ratio(terms) {
            judge.compare(gold, &Expr::Ratio(terms.clone()))
        } else {
            Ok(Reason::DifferentKind)
        };
    }
    if let Some(reason) = residues::compare(gold, answer, judge)? {
        return Ok(reason);
    }
    if let Some(reason) = vectors::compare(gold, answer, judge)? {
        return Ok(reason);
    }
    // Tuples with a rounded entry are looked at again, entry by entry.
    if (sets::is_set(gold) || sets::is_set(answer))
        && let Some(reason) = sets::compare_sets(gold, answer, judge)?
        && (reason.is_correct() || !matches!((gold, answer), (Expr::Seq(..), Expr::Seq(..))))
    {
        return Ok(reason);
    }
    match (gold, answer) {
        (Expr::Relation(..), Expr::Relation(..)) => relations(gold, answer, judge),
        (Expr::Seq(..), _) | (_, Expr::Seq(..)) => sequence::compare_sequences(gold, answer, judge),
        (Expr::Case(a, b), Expr::Case(c, d)) | (Expr::Builder(a, b), Expr::Builder(c, d)) => {
            Ok(verdict(both((a, c), (b, d), judge)?))
        }
        (Expr::Relation(..), _) => {
            match value_of(gold, judge)?.or_else(|| measured(gold, false)) {
                // The equation of a curve is answered by the other side alone.
                Some(value) => judge.compare(&value, answer),
                None => Ok(Reason::DifferentKind),
            }
        }
        (_, Expr::Relation(..)) => {
            match value_of(answer, judge)?.or_else(|| measured(answer, true)) {
                Some(value) => judge.compare(gold, &value),
                None => Ok(Reason::DifferentKind),
            }
        }
        (Expr::SetOp(op, a, b), Expr::SetOp(other, c, d)) if op == other => {
            let straight = both((a, c), (b, d), judge)?;
            if straight || *op == '∖' {
                return Ok(verdict(straight));
            }
            Ok(verdict(both((a, d), (b, c), judge)?))
        }
        (Expr::Matrix(rows), Expr::Matrix(others)) => matrix::compare_rows(rows, others, judge),
        // Some write a column as a binomial coefficient.
        (Expr::Matrix(rows), Expr::Call("binom", items)) => {
            matrix::column(rows, items, true, judge)
        }
        (Expr::Call("binom", items), Expr::Matrix(rows)) => {
            matrix::column(rows, items, false, judge)
        }
        (Expr::Text(words), Expr::Text(others)) => Ok(verdict(same_words(words, others))),
        (Expr::Ratio(terms), Expr::Ratio(others)) => scalar::compare_ratios(terms, others, judge),
        (Expr::Residue(..) | Expr::Case(..), _) | (_, Expr::Residue(..) | Expr::Case(..)) => {
            Ok(Reason::DifferentKind)
        }
        (Expr::Matrix(_) | Expr::SetOp(..) | Expr::Builder(..), _)
        | (_, Expr::Matrix(_) | Expr::SetOp(..) | Expr::Builder(..)) => Ok(Reason::DifferentKind),
        _ => scalar::compare_scalars(gold, answer, judge),
    }
}

/// Whether both pairs agree.
fn both(first: (&Expr, &Expr), second: (&Expr, &Expr), judge: &Judge<'_>) -> Result<bool, Stop> {
    Ok(judge.agree(first.0, first.1)? && judge.agree(second.0, second.1)?)
}

/// Compares two relations: by their values where both only name one, as equations otherwise.
fn relations(gold: &Expr, answer: &Expr, judge: &Judge<'_>) -> Result<Reason, Stop> {
    let (Expr::Relation(left, ops), Expr::Relation(right, others)) = (gold, answer) else {
        return Ok(Reason::DifferentKind);
    };
    if let (Some(name), Some(other)) = (label(gold), label(answer))
        && let (Some(value), Some(found)) = (value_of(gold, judge)?, value_of(answer, judge)?)
    {
        // f(x) = x^2 is f(t) = t^2, and not f(t) = x^2.
        if let Some(found) = substitute::bound(name, other, &found) {
            return Ok(verdict(judge.agree(&value, &found)?));
        }
        // A curve may be named y or f(x); a number is the value of what it is named after.
        let curve = value.any(&|e| matches!(e, Expr::Var(_) | Expr::Residue(..) | Expr::Case(..)))
            && !matches!(name, Expr::Seq(..));
        let tuples = matches!((name, other), (Expr::Seq(..), Expr::Seq(..)));
        if (judge.agree(name, other)? || curve || tuples) && judge.agree(&value, &found)? {
            return Ok(Reason::SameValue);
        }
    }
    if ops.len() == 1
        && others.len() == 1
        && let Some(same) = equations(left, ops[0], right, others[0], judge)?
    {
        return Ok(verdict(same));
    }
    if ops == others {
        let mut all = true;
        for (a, b) in left.iter().zip(right) {
            all = all && judge.agree(a, b)?;
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

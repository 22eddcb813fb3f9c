//! Sets of real numbers: intervals, unions, inequalities, "all real numbers".
//!
//! Both sides are brought to sorted pieces that do not touch; an interval and an inequality that
//! mean the same have the same pieces.

use std::collections::BTreeSet;

use super::inequalities::half_line;
use super::judge::{Judge, verdict};
use super::names::is_name;
use super::number_sets::named;
use super::pieces::{End, Piece, complement, intersection, joined, point, same_pieces};
use super::scalar;
use super::substitute::letters;
use crate::algebra::{Reading, canon};
use crate::ast::{Bracket, Constant, Expr};
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

/// Whether an answer can only be read as a set of real numbers.
pub(super) fn is_set(expr: &Expr) -> bool {
    match expr {
        Expr::Relation(members, ops) => {
            ops.iter().any(|op| matches!(op, '<' | '>' | '≤' | '≥' | '≠' | '∈' | '∉'))
                && members.len() <= 3
        }
        Expr::SetOp(..) | Expr::Builder(..) => true,
        Expr::Var(_) | Expr::Text(_) | Expr::Apply(..) => named(expr).is_some(),
        Expr::Seq(Bracket::None, items, _) => !items.is_empty() && items.iter().all(is_set),
        Expr::Seq(open, items, close) => {
            let infinite = |item: &Expr| item.any(&|e| *e == Expr::Const(Constant::Infinity));
            items.len() == 2
                && *open != Bracket::Curly
                && (open != close || items.iter().any(infinite))
        }
        _ => false,
    }
}

/// Compares two sets; nothing if one of them is not a set of real numbers.
pub(super) fn compare_sets(
    gold: &Expr,
    answer: &Expr,
    judge: &Judge<'_>,
) -> Result<Option<Reason>, Stop> {
    let loose = match answer {
        // "(1,2) or (3,4)" for a union.
        Expr::Seq(Bracket::None, items, _) if matches!(gold, Expr::SetOp('∪', ..)) => {
            items.iter().all(is_interval)
        }
        _ => false,
    };
    let found = match answer {
        Expr::Seq(_, items, _) if loose => union(items, judge)?,
        _ => pieces(answer, judge)?,
    };
    if let (Some(name), Some(other)) = (restricted(gold), restricted(answer))
        && !name.eq_ignore_ascii_case(other)
    {
        return Ok(Some(Reason::DifferentValue));
    }
    if let (Some(a), Some(b)) = (pieces(gold, judge)?, found) {
        return Ok(Some(verdict(same_pieces(&a, &b, judge)?)));
    }
    // A set that has names in it is compared as it is written.
    let ends = |expr: &Expr| match expr {
        Expr::Seq(open, items, close) if items.len() == 2 && *open != Bracket::None => {
            Some((*open, items.clone(), *close))
        }
        Expr::Relation(members, ops) => as_interval(members, ops),
        _ => None,
    };
    let (Some((open, items, close)), Some((left, others, right))) = (ends(gold), ends(answer))
    else {
        return Ok(None);
    };
    if (open, close) != (left, right) {
        return Ok(None);
    }
    // b > a > c and b > d > c bound other letters.
    if let (Expr::Relation(members, _), Expr::Relation(found, _)) = (gold, answer)
        && let ([_, Expr::Var(name), _], [_, Expr::Var(other), _]) =
            (members.as_slice(), found.as_slice())
        && name != other
    {
        return Ok(None);
    }
    Ok(Some(verdict(judge.agree(&items[0], &others[0])? && judge.agree(&items[1], &others[1])?)))
}

/// The letter that one inequality restricts.
fn restricted(expr: &Expr) -> Option<&str> {
    let Expr::Relation(members, _) = expr else { return None };
    let mut names = members.iter().filter_map(|member| match member {
        Expr::Var(name) if !name.starts_with('ℝ') => Some(name.as_str()),
        _ => None,
    });
    names.next().filter(|_| names.next().is_none())
}

fn is_interval(expr: &Expr) -> bool {
    matches!(expr, Expr::Seq(Bracket::Round | Bracket::Square, items, _) if items.len() == 2)
}

/// The union of sets.
fn union(items: &[Expr], budget: &Budget) -> Result<Option<Vec<Piece>>, Stop> {
    let mut parts = Vec::new();
    for item in items {
        let Some(part) = pieces(item, budget)? else { return Ok(None) };
        parts.extend(part);
    }
    joined(parts, budget)
}

/// The conditions that "and" and "or" join.
pub(super) fn conditions(expr: &Expr, found: &mut Vec<Expr>) {
    match expr {
        Expr::SetOp(_, a, b) => {
            conditions(a, found);
            conditions(b, found);
        }
        other => found.push(other.clone()),
    }
}

/// Whether joined conditions are sets, or are all about one name.
pub(super) fn in_one_name(expr: &Expr) -> bool {
    let mut found = Vec::new();
    conditions(expr, &mut found);
    let relations = found.iter().all(|part| matches!(part, Expr::Relation(..)));
    !relations || letters(expr).len() <= 1
}

/// The most integers that a set is written out to.
const MAX_INTEGERS: i64 = 200;

/// The elements of a set of integers with a property, if it is bounded.
pub(super) fn integers(
    element: &Expr,
    condition: &Expr,
    budget: &Budget,
) -> Result<Option<Expr>, Stop> {
    let Expr::Relation(members, ops) = element else { return Ok(None) };
    let ([name, Expr::Var(set)], ['∈']) = (members.as_slice(), ops.as_slice()) else {
        return Ok(None);
    };
    let least = match set.as_str() {
        "ℤ" => None,
        "ℕ" => Some(1),
        _ => return Ok(None),
    };
    if !is_name(name) {
        return Ok(None);
    }
    let Some(parts) = pieces(condition, budget)? else { return Ok(None) };
    let mut elements = Vec::new();
    for part in &parts {
        let Some((low, high)) = part.integers(least) else { return Ok(None) };
        if high - low > MAX_INTEGERS || elements.len() as i64 > MAX_INTEGERS {
            return Ok(None);
        }
        elements.extend((low..=high).map(Expr::int));
    }
    Ok(Some(Expr::Seq(Bracket::Curly, elements, Bracket::Curly)))
}

/// The integers that a list of an inequality and "x is an integer" stands for.
pub(super) fn restricted_integers(items: &[Expr], budget: &Budget) -> Result<Option<Expr>, Stop> {
    let [condition, element] = items else { return Ok(None) };
    let bounds = matches!(condition, Expr::Relation(_, ops)
        if ops.iter().any(|op| matches!(op, '<' | '>' | '≤' | '≥')));
    if bounds { integers(element, condition, budget) } else { Ok(None) }
}

/// `a < x <= b` as the interval (a, b].
fn as_interval(members: &[Expr], ops: &[char]) -> Option<(Bracket, Vec<Expr>, Bracket)> {
    let bracket =
        |op: char| if matches!(op, '≤' | '≥') { Bracket::Square } else { Bracket::Round };
    match (members, ops) {
        ([low, name, high], [a @ ('<' | '≤'), b @ ('<' | '≤')]) if is_name(name) => {
            Some((bracket(*a), vec![low.clone(), high.clone()], bracket(*b)))
        }
        ([high, name, low], [a @ ('>' | '≥'), b @ ('>' | '≥')]) if is_name(name) => {
            Some((bracket(*b), vec![low.clone(), high.clone()], bracket(*a)))
        }
        ([name, end], [op @ ('<' | '≤')]) | ([end, name], [op @ ('>' | '≥')]) if is_name(name) =>
        {
            let low = Expr::Neg(Box::new(Expr::Const(Constant::Infinity)));
            Some((Bracket::Round, vec![low, end.clone()], bracket(*op)))
        }
        ([name, end], [op @ ('>' | '≥')]) | ([end, name], [op @ ('<' | '≤')]) if is_name(name) =>
        {
            let high = Expr::Const(Constant::Infinity);
            Some((bracket(*op), vec![end.clone(), high], Bracket::Round))
        }
        _ => None,
    }
}

/// The pieces of a set, sorted and joined.
fn pieces(expr: &Expr, budget: &Budget) -> Result<Option<Vec<Piece>>, Stop> {
    budget.spend(50)?;
    Ok(match expr {
        Expr::Var(_) | Expr::Text(_) | Expr::Apply(..) => named(expr),
        Expr::Seq(Bracket::Curly, items, _) => {
            let mut points = Vec::new();
            for item in items {
                let Some(end) = end(item, budget)? else { return Ok(None) };
                points.push(point(end));
            }
            joined(points, budget)?
        }
        Expr::Seq(Bracket::None, items, _) => several(items, budget)?,
        Expr::Seq(open, items, close) => {
            let [low, high] = items.as_slice() else { return Ok(None) };
            let (Some(low), Some(high)) = (end(low, budget)?, end(high, budget)?) else {
                return Ok(None);
            };
            let low = if low == End::High && high != End::High { End::Low } else { low };
            let piece = Piece {
                low_closed: *open == Bracket::Square,
                high_closed: *close == Bracket::Square,
                low,
                high,
            };
            joined(vec![piece], budget)?
        }
        Expr::SetOp(op, a, b) => {
            if !in_one_name(expr) {
                return Ok(None);
            }
            let (Some(a), Some(b)) = (operand(a, budget)?, operand(b, budget)?) else {
                return Ok(None);
            };
            match op {
                '∪' => joined(a.into_iter().chain(b).collect(), budget)?,
                '∩' => intersection(&a, &b, budget)?,
                _ => match complement(&b, budget)? {
                    Some(rest) => intersection(&a, &rest, budget)?,
                    None => None,
                },
            }
        }
        Expr::Builder(element, condition) => match &**element {
            element if is_name(element) => pieces(condition, budget)?,
            Expr::Relation(members, ops) if *ops == ['∈'] && is_name(&members[0]) => {
                match (pieces(element, budget)?, pieces(condition, budget)?) {
                    (Some(domain), Some(part)) => intersection(&domain, &part, budget)?,
                    _ => None,
                }
            }
            _ => None,
        },
        Expr::Relation(members, ops) => solutions(members, ops, budget)?,
        _ => None,
    })
}

/// A set in a union or a difference; a number there is the set of itself: braces may be grouping.
fn operand(expr: &Expr, budget: &Budget) -> Result<Option<Vec<Piece>>, Stop> {
    match expr {
        Expr::Num(_) | Expr::Neg(_) | Expr::Div(..) => {
            Ok(end(expr, budget)?.map(|at| vec![point(at)]))
        }
        set => pieces(set, budget),
    }
}

/// The union of conditions, or what they have in common if their union is everything.
fn several(items: &[Expr], budget: &Budget) -> Result<Option<Vec<Piece>>, Stop> {
    let names: BTreeSet<String> =
        items.iter().flat_map(letters).filter(|name| name != "ℝ").collect();
    if !items.iter().all(is_set) || names.len() > 1 {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for item in items {
        let Some(part) = pieces(item, budget)? else { return Ok(None) };
        parts.push(part);
    }
    let Some(union) = joined(parts.concat(), budget)? else { return Ok(None) };
    if union != [Piece::all()] {
        return Ok(Some(union));
    }
    let mut common = vec![Piece::all()];
    for part in &parts {
        let Some(next) = intersection(&common, part, budget)? else { return Ok(None) };
        common = next;
    }
    Ok(Some(common))
}

/// The solutions of a chain of inequalities in one name.
fn solutions(members: &[Expr], ops: &[char], budget: &Budget) -> Result<Option<Vec<Piece>>, Stop> {
    if let ([name, set], ['∈']) = (members, ops) {
        return if is_name(name) { pieces(set, budget) } else { Ok(None) };
    }
    if let ([name, set], ['∉']) = (members, ops) {
        if !is_name(name) {
            return Ok(None);
        }
        return match pieces(set, budget)? {
            Some(set) => complement(&set, budget),
            None => Ok(None),
        };
    }
    if let ([name, value], ['=']) = (members, ops) {
        if !is_name(name) {
            return Ok(None);
        }
        return Ok(end(value, budget)?.map(|end| vec![point(end)]));
    }
    let mut common = vec![Piece::all()];
    for (pair, op) in members.windows(2).zip(ops) {
        let Some(half) = half_line(&pair[0], *op, &pair[1], budget)? else { return Ok(None) };
        let Some(next) = intersection(&common, &half, budget)? else { return Ok(None) };
        common = next;
    }
    Ok(Some(common))
}

/// A number or an infinity as an end; an infinity without sign is the upper one.
fn end(expr: &Expr, budget: &Budget) -> Result<Option<End>, Stop> {
    match expr {
        Expr::Const(Constant::Infinity) => return Ok(Some(End::High)),
        Expr::Neg(inner) if **inner == Expr::Const(Constant::Infinity) => {
            return Ok(Some(End::Low));
        }
        _ => {}
    }
    let (core, _) = scalar::without_unit(expr);
    match canon(&core, Reading::LITERAL, budget) {
        Ok(poly) if poly.has_names() => Ok(None),
        Ok(poly) => Ok(Some(End::At(poly))),
        Err(Stop::Syntax) => Ok(None),
        Err(stop) => Err(stop),
    }
}

//! Lists, sets, tuples, vectors.
//!
//! The order of a list of solutions or of a set does not matter; that of a tuple does, and so do
//! its brackets.

use std::collections::BTreeSet;

use super::judge::{Judge, verdict};
use super::matrix::{compare_rows, entries, vector};
use super::names::is_name;
use super::names::{label, value_of};
use super::text::same_words;
use super::{cases, sets};
use crate::ast::{Bracket, Expr};
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

/// Elements that are compared in every order.
const MAX_ELEMENTS: usize = 200;

/// What kind of sequence an answer is.
enum Kind<'a> {
    /// Elements in no order.
    Loose(&'a [Expr]),
    /// Elements in order, with brackets.
    Tuple(Bracket, &'a [Expr], Bracket),
    Other,
}

fn kind(expr: &Expr) -> Kind<'_> {
    match expr {
        Expr::Seq(Bracket::None | Bracket::Curly, items, _) => Kind::Loose(items),
        Expr::Seq(open, items, close) => Kind::Tuple(*open, items, *close),
        _ => Kind::Other,
    }
}

/// Compares two answers of which at least one is a sequence.
pub(super) fn compare_sequences(
    gold: &Expr,
    answer: &Expr,
    judge: &Judge<'_>,
) -> Result<Reason, Stop> {
    // {x = 1, y = 2} as a set of equations, with "or" between them.
    if let (Expr::Seq(Bracket::Curly, items, _), Expr::SetOp('∪', ..)) = (gold, answer) {
        let mut parts = Vec::new();
        sets::conditions(answer, &mut parts);
        return loose(items, &parts, judge);
    }
    match (kind(gold), kind(answer)) {
        (Kind::Loose(items), Kind::Loose(others))
            if repeats(gold) && items.len() != others.len() =>
        {
            Ok(Reason::DifferentCount)
        }
        (Kind::Loose(items), Kind::Loose(others)) => match cases::compare(items, others, judge)? {
            Some(reason) => Ok(reason),
            None => loose(items, others, judge),
        },
        (Kind::Tuple(open, items, close), Kind::Tuple(left, others, right)) => {
            let angle = |bracket| if bracket == Bracket::Angle { Bracket::Round } else { bracket };
            let same_brackets = (angle(open), angle(close)) == (angle(left), angle(right));
            if !same_brackets && !judge.is_lenient() {
                return Ok(Reason::DifferentKind);
            }
            let (items, others) = (values(items, judge)?, values(others, judge)?);
            entries(&items.iter().collect::<Vec<_>>(), &others.iter().collect::<Vec<_>>(), judge)
        }
        (Kind::Tuple(_, items, _), Kind::Other) => match answer {
            Expr::Matrix(rows) => match vector(rows) {
                Some(others) => entries(&items.iter().collect::<Vec<_>>(), &others, judge),
                None => nested(items, rows, true, judge),
            },
            Expr::Relation(..) => named(gold, answer, judge),
            _ => Ok(Reason::DifferentKind),
        },
        (Kind::Other, Kind::Tuple(_, others, _)) => match gold {
            Expr::Matrix(rows) => match vector(rows) {
                Some(items) => entries(&items, &others.iter().collect::<Vec<_>>(), judge),
                None => nested(others, rows, false, judge),
            },
            Expr::Relation(..) => named(gold, answer, judge),
            _ => Ok(Reason::DifferentKind),
        },
        (Kind::Tuple(open, items, _), Kind::Loose(others)) => {
            // x = 1, y = 2 gives a point, in the order of the names or of the alphabet.
            match assigned(others, judge)? {
                Some(values) if open != Bracket::Square => in_order(items, &values, judge),
                // Coordinates without their brackets.
                None if matches!(open, Bracket::Round | Bracket::Angle)
                    && matches!(answer, Expr::Seq(Bracket::None, ..))
                    && items.len() == others.len()
                    && !others.iter().any(|other| matches!(other, Expr::Seq(..))) =>
                {
                    entries(&refs(items), &refs(others), judge)
                }
                _ if judge.is_lenient() && items.len() == others.len() => {
                    entries(&refs(items), &refs(others), judge)
                }
                _ => whole_tuple(gold, others, judge),
            }
        }
        (Kind::Loose(items), Kind::Tuple(open, others, _)) => match assigned(items, judge)? {
            Some(values) if open != Bracket::Square => in_order(others, &values, judge),
            _ => whole_tuple(answer, items, judge),
        },
        (Kind::Loose(items), Kind::Other) => {
            if matches!(answer, Expr::Relation(..)) && items.len() > 1 {
                return named_or_count(gold, answer, judge);
            }
            each_is(items, answer, judge, true)
        }
        (Kind::Other, Kind::Loose(others)) => {
            if matches!(gold, Expr::Relation(..)) && others.len() > 1 {
                return named_or_count(gold, answer, judge);
            }
            if let Expr::Matrix(rows) = gold
                && let (Some(items), Some(values)) = (vector(rows), assigned(others, judge)?)
            {
                let items: Vec<Expr> = items.into_iter().cloned().collect();
                return in_order(&items, &values, judge);
            }
            if others.is_empty()
                && let Expr::Text(words) = gold
            {
                return Ok(verdict(same_words(words, "no solution")));
            }
            each_is(others, gold, judge, false)
        }
        (Kind::Other, Kind::Other) => Ok(Reason::DifferentKind),
    }
}

fn refs(items: &[Expr]) -> Vec<&Expr> {
    items.iter().collect()
}

/// Lists of rows and a matrix.
fn nested(
    lists: &[Expr],
    rows: &[Vec<Expr>],
    lists_are_gold: bool,
    judge: &Judge<'_>,
) -> Result<Reason, Stop> {
    let row = |list: &Expr| match list {
        // Without brackets in [1, 2; 3, 4].
        Expr::Seq(Bracket::Round | Bracket::Square | Bracket::None, items, _) => {
            Some(items.clone())
        }
        _ => None,
    };
    match lists.iter().map(row).collect::<Option<Vec<_>>>() {
        Some(lists) if lists_are_gold => compare_rows(&lists, rows, judge),
        Some(lists) => compare_rows(rows, &lists, judge),
        None => Ok(Reason::DifferentKind),
    }
}

/// A relation on one side: its value is compared with the sequence on the other.
fn named(gold: &Expr, answer: &Expr, judge: &Judge<'_>) -> Result<Reason, Stop> {
    let (gold_value, answer_value) = (value_of(gold, judge)?, value_of(answer, judge)?);
    match (gold_value, answer_value) {
        (Some(value), _) => judge.compare(&value, answer),
        (None, Some(value)) => judge.compare(gold, &value),
        (None, None) => Ok(Reason::DifferentKind),
    }
}

fn named_or_count(gold: &Expr, answer: &Expr, judge: &Judge<'_>) -> Result<Reason, Stop> {
    let reason = named(gold, answer, judge)?;
    Ok(if reason.is_correct() { reason } else { Reason::DifferentCount })
}

/// A tuple and a list: the same only if the list has that one tuple.
fn whole_tuple(tuple: &Expr, items: &[Expr], judge: &Judge<'_>) -> Result<Reason, Stop> {
    match items {
        [only] if matches!(only, Expr::Seq(..)) => judge.compare(tuple, only),
        _ => Ok(Reason::DifferentKind),
    }
}

/// A list and one value: the same if every element is that value.
fn each_is(
    items: &[Expr],
    value: &Expr,
    judge: &Judge<'_>,
    gold_is_list: bool,
) -> Result<Reason, Stop> {
    // x = 3 and y = 3 are two values, x_1 = 3 and x_2 = 3 is one that counts twice.
    let names: BTreeSet<&str> = items.iter().filter_map(stem).collect();
    if items.is_empty() || names.len() > 1 {
        return Ok(Reason::DifferentCount);
    }
    for item in items {
        let same =
            if gold_is_list { judge.agree(item, value)? } else { judge.agree(value, item)? };
        if !same {
            return Ok(Reason::DifferentCount);
        }
    }
    Ok(Reason::SameValue)
}

/// The letter of the name that an element gives a value to, without its index.
fn stem(item: &Expr) -> Option<&str> {
    match label(item) {
        Some(Expr::Var(name)) => name.split('_').next(),
        _ => None,
    }
}

/// The values that a list gives to different names, with the names.
fn assigned(items: &[Expr], budget: &Budget) -> Result<Option<Vec<(String, Expr)>>, Stop> {
    let mut values = Vec::new();
    for item in items {
        let (Some(Expr::Var(name)), Some(value)) = (label(item), value_of(item, budget)?) else {
            return Ok(None);
        };
        if values.iter().any(|(known, _)| known == name) {
            return Ok(None);
        }
        values.push((name.clone(), value));
    }
    Ok((values.len() > 1).then_some(values))
}

fn in_order(items: &[Expr], values: &[(String, Expr)], judge: &Judge<'_>) -> Result<Reason, Stop> {
    if items.len() != values.len() {
        return Ok(Reason::DifferentCount);
    }
    // A point is in the order of its names, whatever the order in which they are given.
    let mut sorted: Vec<&(String, Expr)> = values.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let tuple: Vec<&Expr> = sorted.into_iter().map(|(_, value)| value).collect();
    entries(&items.iter().collect::<Vec<_>>(), &tuple, judge)
}

/// The elements without names that the tuple gives them.
fn values(items: &[Expr], budget: &Budget) -> Result<Vec<Expr>, Stop> {
    items
        .iter()
        .map(|item| {
            Ok(value_of(item, budget)?
                .filter(|_| label(item).is_some())
                .unwrap_or_else(|| item.clone()))
        })
        .collect()
}

/// Compares elements in no order.
fn loose(gold: &[Expr], answer: &[Expr], judge: &Judge<'_>) -> Result<Reason, Stop> {
    if gold.len() > MAX_ELEMENTS || answer.len() > MAX_ELEMENTS {
        return Err(Stop::TooCostly);
    }
    // Values without names come in the order of the names: a = 2, b = 3 is not 3, 2.
    if !answer.iter().any(|item| label(item).is_some())
        && let Some(values) = assigned(gold, judge)?
        && values.iter().any(|(name, _)| name.split('_').next() != values[0].0.split('_').next())
    {
        let wanted: Vec<&Expr> = values.iter().map(|(_, value)| value).collect();
        let reason = entries(&wanted, &refs(answer), judge)?;
        return if reason.is_correct() { Ok(reason) } else { in_order(answer, &values, judge) };
    }
    let reason = unordered(gold, answer, judge)?;
    if reason.is_correct() {
        return Ok(reason);
    }
    // Names on one side only, or a name before the first of several values.
    let (plain, others) = (unlabelled(gold, judge)?, unlabelled(answer, judge)?);
    let labelled = |items: &[Expr]| items.iter().filter(|item| label(item).is_some()).count();
    let (here, there) = (labelled(gold), labelled(answer));
    let everywhere = here == gold.len() && there == answer.len();
    if (here > 0 || there > 0) && !everywhere {
        return unordered(&plain, &others, judge);
    }
    // Names that differ in form only: x_1 and x_{1} are equal already, x, y and a, b are not.
    Ok(reason)
}

/// Elements without names; pairs of assignments become tuples.
fn unlabelled(items: &[Expr], budget: &Budget) -> Result<Vec<Expr>, Stop> {
    let mut plain = Vec::new();
    for item in items {
        if let Expr::Seq(Bracket::None, inner, _) = item
            && let Some(mut values) = assigned(inner, budget)?
        {
            values.sort_by(|a, b| a.0.cmp(&b.0));
            let tuple = values.into_iter().map(|(_, value)| value).collect();
            plain.push(Expr::Seq(Bracket::Round, tuple, Bracket::Round));
            continue;
        }
        match value_of(item, budget)? {
            Some(value) if label(item).is_some_and(is_name) => plain.push(value),
            _ => plain.push(item.clone()),
        }
    }
    Ok(plain)
}

/// Whether every element of each side is among those of the other.
fn unordered(gold: &[Expr], answer: &[Expr], judge: &Judge<'_>) -> Result<Reason, Stop> {
    let gold = tuples(gold, judge)?;
    let answer = tuples(answer, judge)?;
    let mut found = vec![false; gold.len()];
    // A list that repeats an element is answered as often as it does.
    let counted = gold.iter().enumerate().any(|(at, item)| gold[..at].contains(item));
    for item in &answer {
        let mut matched = false;
        for (at, candidate) in gold.iter().enumerate() {
            // The set of an element is not the element.
            if counted && found[at] {
                continue;
            }
            if is_braced(candidate) == is_braced(item) && judge.agree(candidate, item)? {
                found[at] = true;
                matched = true;
                if counted {
                    break;
                }
            }
        }
        if !matched {
            let count = gold.len() != answer.len();
            return Ok(if count { Reason::DifferentCount } else { Reason::DifferentValue });
        }
    }
    Ok(if found.iter().all(|f| *f) { Reason::SameValue } else { Reason::DifferentCount })
}

/// Whether a list without braces has an element twice.
fn repeats(expr: &Expr) -> bool {
    match expr {
        Expr::Seq(Bracket::None, items, _) => {
            items.iter().enumerate().any(|(at, item)| items[..at].contains(item))
        }
        _ => false,
    }
}

fn is_braced(expr: &Expr) -> bool {
    matches!(expr, Expr::Seq(Bracket::Curly, ..))
}

/// Solutions in several names become tuples where the list has several of them.
fn tuples(items: &[Expr], budget: &Budget) -> Result<Vec<Expr>, Stop> {
    if items.iter().all(|item| matches!(item, Expr::Seq(Bracket::None, ..))) {
        return unlabelled(items, budget);
    }
    Ok(items.to_vec())
}

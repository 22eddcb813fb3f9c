//! Whether an answer is the gold answer: what is decided on the text first, then by value.

use super::choice::{Choice, of_answer, several};
use super::digits::{decimal_comma, indian};
use super::{date, parts};
use crate::Gold;
use crate::ast::{Bracket, Expr, Num};
use crate::compare::{compare, is_prose, plain_words, same_text, same_words};
use crate::parse::parse;
use crate::stop::{Budget, Stop};
use crate::verdict::Reason;

/// Compares an answer with a gold answer.
pub(super) fn decide(
    gold: &Gold,
    text: &str,
    read: Result<&Expr, &Stop>,
    budget: &Budget,
) -> Result<Reason, Stop> {
    if let Err(stop @ (Stop::Control | Stop::TooLarge | Stop::TooCostly)) = read {
        return Err(*stop);
    }
    if same_text(&gold.answer, text) {
        return Ok(Reason::SameText);
    }
    if let Some(wanted) = gold.date
        && let Some(found) = date(text)
    {
        return Ok(verdict(wanted.is_answered_by(found)));
    }
    if let Some(reason) = in_parts(gold, text, read.ok(), budget)? {
        return Ok(reason);
    }
    let choice = of_answer(text);
    if gold.choice.is_some() && text.contains('?') {
        return Ok(Reason::DifferentValue);
    }
    if let Some(wanted) = &gold.choice {
        if let Some(found) = &choice {
            return same_choice(wanted, found, budget).map(verdict);
        }
        // The value of the choice without its letter.
        if let Some(value) = &wanted.value {
            return against(value, text, budget);
        }
        let words = same_words(&gold.answer, text) || several(&gold.answer).is_some();
        if !words {
            return Ok(Reason::DifferentValue);
        }
    }
    // Several choices are no alternatives.
    if several(&gold.answer).is_some() && offers_alternatives(text) {
        return Ok(Reason::DifferentValue);
    }
    let reason = match read {
        Ok(expr) => by_value(gold, text, expr, budget),
        Err(_) => Ok(in_words(gold, text)),
    };
    if reason.is_ok_and(Reason::is_correct) {
        return reason;
    }
    if let (Some(wanted), Some(found)) = (several(&gold.answer), several(text))
        && wanted == found
    {
        return Ok(Reason::SameText);
    }
    // The letter of a choice before the value that is asked for.
    match choice.and_then(|choice| choice.value) {
        Some(value) if gold.choice.is_none() => {
            let found = against(&gold.answer, &value, budget);
            if found.is_ok_and(Reason::is_correct) { found } else { reason }
        }
        _ => reason,
    }
}

fn verdict(same: bool) -> Reason {
    if same { Reason::SameText } else { Reason::DifferentValue }
}

/// Whether two choices have the same letter, and no values that contradict each other.
fn same_choice(wanted: &Choice, found: &Choice, budget: &Budget) -> Result<bool, Stop> {
    if wanted.letter != found.letter {
        return Ok(false);
    }
    match (&wanted.value, &found.value) {
        (Some(gold), Some(answer)) if !is_prose(gold) => {
            Ok(against(gold, answer, budget)?.is_correct())
        }
        // Words beside the letter may be shortened, but not be others: Paris is not London.
        (Some(gold), Some(answer)) if is_prose(answer) => Ok(share_a_word(gold, answer)),
        _ => Ok(true),
    }
}

fn share_a_word(a: &str, b: &str) -> bool {
    let (a, b) = (plain_words(a), plain_words(b));
    a.split(' ').any(|word| b.split(' ').any(|other| word == other))
}

/// Compares two bare texts by value, or as words.
fn against(gold: &str, answer: &str, budget: &Budget) -> Result<Reason, Stop> {
    if same_text(gold, answer) || same_words(gold, answer) {
        return Ok(Reason::SameText);
    }
    match (parse(gold), parse(answer)) {
        (Ok(gold), Ok(answer)) => match compare(&gold, &answer, budget) {
            Err(Stop::TooCostly) => Err(Stop::TooCostly),
            Err(_) => Ok(Reason::DifferentValue),
            reason => reason,
        },
        _ => Ok(Reason::DifferentValue),
    }
}

/// Compares answers in labelled parts, part by part; nothing if neither side has parts.
fn in_parts(
    gold: &Gold,
    text: &str,
    read: Option<&Expr>,
    budget: &Budget,
) -> Result<Option<Reason>, Stop> {
    let found = parts(text);
    let wanted = &gold.parts;
    let pairs: Vec<(Option<Expr>, Option<Expr>)> = match (wanted, &found) {
        (Some(wanted), Some(found)) if wanted.len() == found.len() => {
            wanted.iter().zip(found).map(|(a, b)| (parse(a).ok(), parse(b).ok())).collect()
        }
        (Some(wanted), None) => match list(read) {
            Some(items) if items.len() == wanted.len() => {
                wanted.iter().zip(items).map(|(a, b)| (parse(a).ok(), Some(b.clone()))).collect()
            }
            _ => return Ok(None),
        },
        (None, Some(found)) => match list(gold.expr.as_ref()) {
            Some(items) if items.len() == found.len() => {
                items.iter().zip(found).map(|(a, b)| (Some(a.clone()), parse(b).ok())).collect()
            }
            _ => return Ok(None),
        },
        (Some(_), Some(_)) => return Ok(Some(Reason::DifferentCount)),
        (None, None) => return Ok(None),
    };
    for (gold, answer) in &pairs {
        let (Some(gold), Some(answer)) = (gold, answer) else { return Ok(None) };
        match compare(gold, answer, budget) {
            Ok(reason) if reason.is_correct() => {}
            Err(Stop::TooCostly) => return Err(Stop::TooCostly),
            _ => return Ok(Some(Reason::DifferentValue)),
        }
    }
    Ok(Some(Reason::SameValue))
}

/// The elements of a list without brackets.
fn list(expr: Option<&Expr>) -> Option<&[Expr]> {
    match expr {
        Some(Expr::Seq(Bracket::None, items, _)) => Some(items),
        _ => None,
    }
}

/// Compares an answer that is no expression.
fn in_words(gold: &Gold, text: &str) -> Reason {
    if same_words(&gold.answer, text) {
        return Reason::SameText;
    }
    if gold.choice.is_some() {
        return Reason::DifferentValue;
    }
    if gold.expr.is_none() || is_prose(text) { Reason::DifferentKind } else { Reason::Unreadable }
}

/// Compares an answer that is an expression.
fn by_value(gold: &Gold, text: &str, expr: &Expr, budget: &Budget) -> Result<Reason, Stop> {
    let Some(gold_expr) = &gold.expr else {
        let same = same_words(&gold.answer, text);
        return Ok(if same { Reason::SameText } else { Reason::DifferentKind });
    };
    // Alice and Bob are not Alice or Bob.
    let words = list(Some(gold_expr))
        .is_some_and(|items| items.iter().all(|item| matches!(item, Expr::Text(_))));
    if words && offers_alternatives(text) && !offers_alternatives(&gold.answer) {
        return Ok(Reason::DifferentKind);
    }
    let tuple =
        matches!(gold_expr, Expr::Seq(Bracket::Round | Bracket::Square | Bracket::Angle, ..));
    if tuple && list(Some(expr)).is_some() && offers_alternatives(text) {
        return Ok(Reason::DifferentKind);
    }
    let reason = match compare(gold_expr, expr, budget) {
        Err(Stop::Undefined) => return Err(Stop::Syntax),
        other => other?,
    };
    if reason.is_correct() {
        return Ok(reason);
    }
    // Numbers as other countries write them.
    let number = |expr: &Expr| match expr {
        Expr::Num(Num { decimal, .. }) => Some(decimal.is_some()),
        _ => None,
    };
    let other = match number(gold_expr) {
        Some(true) => decimal_comma(text),
        Some(false) => indian(text),
        None => None,
    };
    if let Some(other) = other {
        return compare(gold_expr, &parse(&other)?, budget);
    }
    if number(expr).is_some()
        && let Some(other) = indian(&gold.answer)
    {
        return compare(&parse(&other)?, expr, budget);
    }
    // Words that one side marks as text and the other does not.
    let words = |expr: &Expr| matches!(expr, Expr::Text(_));
    if (words(gold_expr) || words(expr))
        && (same_words(&gold.answer, text) || joined(&gold.answer) == joined(text))
    {
        return Ok(Reason::SameText);
    }
    Ok(reason)
}

/// Whether a list offers its elements as alternatives.
fn offers_alternatives(text: &str) -> bool {
    text.contains(r"\lor") || plain_words(text).split(' ').any(|word| word == "or")
}

fn joined(text: &str) -> String {
    plain_words(text).replace(' ', "")
}

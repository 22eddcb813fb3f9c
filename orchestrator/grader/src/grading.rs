//! From a response to a grade.

use crate::ast::{Expr, Num};
use crate::compare::{
    canonical, compare, is_prose, plain_words, same_text, same_words, spelled_number,
};
use crate::extract::{Found, choice, extract, own_words};
use crate::parse::parse;
use crate::stop::{Budget, Stop};
use crate::verdict::{Answer, Grade, Reason, Verdict};
use crate::{Extraction, Gold};

/// Characters of an answer that are kept in a grade.
const KEPT: usize = 2_000;

/// Grades a whole response.
pub fn grade(gold: &Gold, response: &str, extraction: Extraction) -> Grade {
    match extract(response, extraction) {
        Ok(Found::Boxes(boxes)) => grade_answer(gold, &boxes.join(", ")),
        Ok(Found::Candidates(candidates)) => grade_candidates(gold, &candidates),
        Err(reason) => {
            // A choice needs no cue where the whole response is about it.
            let words = own_words(response).ok().filter(|_| {
                gold.choice.is_some()
                    && extraction == Extraction::Auto
                    && reason == Reason::NoAnswerFound
            });
            match words.and_then(choice) {
                Some(letter) => grade_answer(gold, &letter.to_string()),
                None => missing(reason),
            }
        }
    }
}

fn missing(reason: Reason) -> Grade {
    Grade { verdict: Verdict::NoAnswer, answer: None, reason }
}

/// Grades the first candidate that is an answer of the kind that the gold answer is.
fn grade_candidates(gold: &Gold, candidates: &[&str]) -> Grade {
    if gold.choice.is_some() {
        for candidate in candidates {
            if let Some(letter) = choice(candidate) {
                return grade_answer(gold, &letter.to_string());
            }
        }
    }
    for candidate in candidates {
        if same_text(&gold.answer, candidate) || spelled_number(&plain_words(candidate)).is_some() {
            return grade_answer(gold, candidate);
        }
        match parse(candidate) {
            Ok(expr) if reads_as_answer(&expr) => return grade_answer(gold, candidate),
            Err(Stop::Control) => return grade_answer(gold, candidate),
            _ => {}
        }
    }
    match candidates.first() {
        Some(words) if gold.expr.as_ref().is_none_or(|expr| matches!(expr, Expr::Text(_))) => {
            grade_answer(gold, words)
        }
        _ => missing(Reason::NoAnswerFound),
    }
}

/// Whether a parsed candidate can be an answer and not a piece of prose.
fn reads_as_answer(expr: &Expr) -> bool {
    match expr {
        Expr::Text(_) => false,
        // "5 apples" is an answer, "so x apples" is not.
        Expr::Mul(factors) => {
            let words = factors.iter().skip_while(|factor| !matches!(factor, Expr::Text(_)));
            !matches!(factors.first(), Some(Expr::Text(_)))
                && words.clone().all(|factor| !matches!(factor, Expr::Num(_) | Expr::Var(_)))
        }
        Expr::Seq(_, items, _) | Expr::Ratio(items) | Expr::Add(items) => {
            items.iter().all(reads_as_answer)
        }
        Expr::Relation(members, _) => {
            let named = matches!(members.first(), Some(Expr::Text(_)));
            members.iter().skip(usize::from(named)).all(reads_as_answer)
        }
        _ => true,
    }
}

/// Grades a bare answer.
pub fn grade_answer(gold: &Gold, answer: &str) -> Grade {
    let text = answer.trim();
    if text.trim_matches(['$', '.', ' ']).is_empty() {
        return missing(Reason::EmptyAnswer);
    }
    let budget = Budget::new();
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let words = if digits { None } else { spelled_number(&plain_words(text)) };
    let read = words.map_or_else(|| parse(text), Ok);
    let (reason, verdict, expr) = match read {
        Err(stop @ (Stop::Control | Stop::TooLarge | Stop::TooCostly)) => {
            (stop.reason(), stop.verdict(), None)
        }
        Err(_) => {
            let reason = in_words(gold, text);
            (reason, verdict_of(reason), None)
        }
        Ok(expr) => {
            let outcome = decide(gold, text, &expr, &budget);
            let (reason, verdict) = match outcome {
                Ok(reason) => (reason, verdict_of(reason)),
                Err(stop) => (stop.reason(), stop.verdict()),
            };
            (reason, verdict, Some(expr))
        }
    };
    let canonical =
        expr.and_then(|expr| canonical(&expr, &budget).ok()).unwrap_or_else(|| plain_words(text));
    let answer = Answer { text: cut(text), canonical: cut(&canonical) };
    Grade { verdict, answer: Some(answer), reason }
}

fn verdict_of(reason: Reason) -> Verdict {
    match reason {
        _ if reason.is_correct() => Verdict::Correct,
        Reason::Unreadable => Verdict::Unparsed,
        _ => Verdict::Wrong,
    }
}

/// Compares an answer that is no expression.
fn in_words(gold: &Gold, text: &str) -> Reason {
    if same_text(&gold.answer, text) || same_words(&gold.answer, text) {
        return Reason::SameText;
    }
    if let Some(letter) = gold.choice {
        return match leading_choice(text) {
            Some(found) if found == letter => Reason::SameText,
            _ => Reason::DifferentValue,
        };
    }
    if gold.expr.is_none() || is_prose(text) { Reason::DifferentKind } else { Reason::Unreadable }
}

/// Compares an answer that is an expression.
fn decide(gold: &Gold, text: &str, expr: &Expr, budget: &Budget) -> Result<Reason, Stop> {
    if same_text(&gold.answer, text) {
        return Ok(Reason::SameText);
    }
    if let Some(letter) = gold.choice
        && let Some(found) = leading_choice(text)
    {
        return Ok(if found == letter { Reason::SameText } else { Reason::DifferentValue });
    }
    let Some(gold_expr) = &gold.expr else {
        let same = same_words(&gold.answer, text);
        return Ok(if same { Reason::SameText } else { Reason::DifferentKind });
    };
    let reason = match compare(gold_expr, expr, budget) {
        Err(Stop::Undefined) => return Err(Stop::Syntax),
        other => other?,
    };
    if reason.is_correct() {
        return Ok(reason);
    }
    // 2,74 where commas are decimal points.
    if let Expr::Num(Num { decimal: Some(_), .. }) = gold_expr
        && let Some(number) = decimal_comma(text)
    {
        return compare(gold_expr, &parse(&number)?, budget);
    }
    // Words that one side marks as text and the other does not.
    let words = |expr: &Expr| matches!(expr, Expr::Text(_));
    if (words(gold_expr) || words(expr)) && same_words(&gold.answer, text) {
        return Ok(Reason::SameText);
    }
    if (words(gold_expr) || words(expr)) && joined(&gold.answer) == joined(text) {
        return Ok(Reason::SameText);
    }
    Ok(reason)
}

/// A number with a decimal comma, with a point instead.
fn decimal_comma(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once(',')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let fits = digits(whole.trim_start_matches('-')) && digits(fraction) && fraction.len() < 3;
    fits.then(|| format!("{whole}.{fraction}"))
}

fn joined(text: &str) -> String {
    plain_words(text).replace(' ', "")
}

/// The letter of a gold answer that is a choice: `C`, `(C)`, `\text{(C)}`, `(D) Alina`.
pub(crate) fn gold_choice(text: &str) -> Option<char> {
    leading_choice(text)
}

/// The choice letter that a text is, or starts with and marks.
fn leading_choice(text: &str) -> Option<char> {
    let mut rest = text.trim();
    let mut bracket = false;
    loop {
        let before = rest;
        for mark in [
            "\\textbf", "\\text", "\\mathbf", "\\mathrm", "\\boxed", "\\bf", "\\rm", "$", "{",
            "**", " ",
        ] {
            rest = rest.strip_prefix(mark).unwrap_or(rest);
        }
        if let Some(inner) = rest.strip_prefix('(') {
            rest = inner;
            bracket = true;
        }
        if rest == before {
            break;
        }
    }
    let letter = rest.chars().next().filter(|c| ('A'..='J').contains(c))?;
    let after = &rest[1..];
    let closed = after.trim_start_matches(['}', '$', ' ', '*']);
    if closed.is_empty() {
        return (!bracket).then_some(letter);
    }
    let marked = if bracket { closed.starts_with(')') } else { after.starts_with([')', '.', ':']) };
    if !marked {
        return None;
    }
    // "(A, B)" and "A.5" are no choices.
    let mut tail = closed.chars();
    tail.next();
    tail.next().is_none_or(|c| " }$\\*".contains(c)).then_some(letter)
}

/// Whether two bare answers are equal.
pub fn equivalent(a: &str, b: &str) -> bool {
    match Gold::parse(a) {
        Ok(gold) => grade_answer(&gold, b).verdict.is_correct(),
        Err(_) => a.trim() == b.trim(),
    }
}

/// A text cut to what is kept of it.
fn cut(text: &str) -> String {
    text.chars().take(KEPT).collect()
}

//! From a response to a grade.

mod choice;
mod dates;
mod decide;
mod digits;
mod explain;
mod parts;
mod self_check;

pub use explain::{Explanation, Reading, explain, explain_answer};
pub use self_check::{GoldFault, self_check, self_check_by};

pub(crate) use choice::{Choice, of_gold as gold_choice};
pub(crate) use dates::{Date, date};
pub(crate) use parts::parts;

use crate::ast::Expr;
use crate::compare::{canonical, plain_words, same_text, spelled_number};
use crate::extract::{Chosen, Found, choice, extract, labelled, own_words};
use crate::parse::parse;
use crate::stop::{Budget, Stop};
use crate::verdict::{Answer, Grade, Reason, Verdict};
use crate::{Extraction, Gold, Policy, Rules};

/// Characters of an answer that are kept in a grade.
const KEPT: usize = 2_000;

/// Grades a whole response.
pub fn grade(gold: &Gold, response: &str, rules: impl Into<Rules>) -> Grade {
    let Rules { extraction, policy } = rules.into();
    match extract(response, extraction) {
        Ok(Found::Boxes(boxes)) => {
            let last = answered(gold, &boxes.join(", "), policy);
            // A gold answer in several parts may be given part by part.
            let parts = if last.verdict.is_correct() || !gold.has_parts() {
                None
            } else {
                own_words(response).ok().and_then(labelled)
            };
            let all = parts.map(|parts| answered(gold, &parts, policy));
            all.filter(|grade| grade.verdict.is_correct()).unwrap_or(last)
        }
        Ok(Found::Marked(answer)) => answered(gold, answer, policy),
        Ok(Found::Candidates(candidates)) => grade_candidates(gold, &candidates, policy),
        Err(reason) => {
            // A choice needs no cue where the whole response is about it.
            let words = own_words(response).ok().filter(|_| {
                gold.choice.is_some()
                    && extraction == Extraction::Auto
                    && reason == Reason::NoAnswerFound
            });
            match words.map(choice) {
                Some(Chosen::One(letter)) => answered(gold, &letter.to_string(), policy),
                _ => missing(reason),
            }
        }
    }
}

/// The texts in a response that may be its answer, the likeliest first; never empty.
pub fn candidates(response: &str, extraction: Extraction) -> Result<Vec<String>, Reason> {
    let found = match extract(response, extraction)? {
        Found::Boxes(boxes) => vec![boxes.join(", ")],
        Found::Marked(text) => vec![text.to_owned()],
        Found::Candidates(candidates) => candidates.into_iter().map(str::to_owned).collect(),
    };
    let texts: Vec<String> = found
        .into_iter()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    if texts.is_empty() { Err(Reason::EmptyAnswer) } else { Ok(texts) }
}

fn missing(reason: Reason) -> Grade {
    Grade { verdict: Verdict::NoAnswer, answer: None, reason }
}

/// Grades the first candidate that is an answer of the kind that the gold answer is.
fn grade_candidates(gold: &Gold, candidates: &[&str], policy: Policy) -> Grade {
    if gold.choice.is_some() {
        for candidate in candidates {
            match choice(candidate) {
                Chosen::One(letter) => return answered(gold, &letter.to_string(), policy),
                Chosen::Several => return answered(gold, candidate, policy),
                Chosen::Nothing => {}
            }
        }
    }
    for candidate in candidates {
        if same_text(&gold.answer, candidate) || spelled_number(&plain_words(candidate)).is_some() {
            return answered(gold, candidate, policy);
        }
        match parse(candidate) {
            Ok(expr) if reads_as_answer(&expr) => return answered(gold, candidate, policy),
            Err(Stop::Control) => return answered(gold, candidate, policy),
            _ => {}
        }
    }
    match candidates.first() {
        Some(words) if gold.expr.as_ref().is_none_or(|expr| matches!(expr, Expr::Text(_))) => {
            answered(gold, words, policy)
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
            let speaks = |factor: &Expr| {
                matches!(factor, Expr::Mul(_) | Expr::Seq(..) | Expr::Add(_) | Expr::Relation(..))
                    && factor.any(&|part| matches!(part, Expr::Text(_)))
            };
            let words = factors.iter().skip_while(|factor| !matches!(factor, Expr::Text(_)));
            !factors.iter().any(speaks)
                && !matches!(factors.first(), Some(Expr::Text(_)))
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

/// Grades a bare answer by the policy for rewards.
pub fn grade_answer(gold: &Gold, answer: &str) -> Grade {
    answered(gold, answer, Policy::Strict)
}

/// Grades a bare answer.
fn answered(gold: &Gold, answer: &str, policy: Policy) -> Grade {
    let text = answer.trim();
    if text.trim_matches(['$', '.', ' ']).is_empty() {
        return missing(Reason::EmptyAnswer);
    }
    let budget = Budget::new(policy);
    let read = read(text);
    let (reason, verdict) = match decide::decide(gold, text, read.as_ref(), &budget) {
        Ok(reason) => (reason, verdict_of(reason)),
        Err(stop) => (stop.reason(), stop.verdict()),
    };
    let canonical = read
        .ok()
        .and_then(|expr| canonical(&expr, &budget).ok())
        .unwrap_or_else(|| plain_words(text));
    let answer = Answer { text: cut(text), canonical: cut(&canonical) };
    Grade { verdict, answer: Some(answer), reason }
}

/// Reads an answer: a number in words, or an expression.
fn read(text: &str) -> Result<Expr, Stop> {
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let words = if digits { None } else { spelled_number(&plain_words(text)) };
    words.map_or_else(|| parse(text), Ok)
}

fn verdict_of(reason: Reason) -> Verdict {
    match reason {
        _ if reason.is_correct() => Verdict::Correct,
        Reason::Unreadable => Verdict::Unparsed,
        _ => Verdict::Wrong,
    }
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

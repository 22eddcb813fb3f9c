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

use std::borrow::Cow;

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
    judge(gold, response, rules.into()).grade()
}

/// The verdict on a whole response, without what a grade says about it; cheaper than [`grade`].
pub fn verdict(gold: &Gold, response: &str, rules: impl Into<Rules>) -> Verdict {
    judge(gold, response, rules.into()).verdict
}

fn judge<'a>(gold: &Gold, response: &'a str, rules: Rules) -> Judged<'a> {
    let Rules { extraction, policy } = rules;
    match extract(response, extraction) {
        Ok(Found::Boxes(boxes)) => {
            let text = match boxes.as_slice() {
                [only] => Cow::Borrowed(*only),
                several => Cow::Owned(several.join(", ")),
            };
            let last = answered(gold, text, policy);
            // A gold answer in several parts may be given part by part.
            let parts = if last.verdict.is_correct() || !gold.has_parts() {
                None
            } else {
                own_words(response).ok().and_then(labelled)
            };
            let all = parts.map(|parts| answered(gold, Cow::Owned(parts), policy));
            all.filter(|judged| judged.verdict.is_correct()).unwrap_or(last)
        }
        Ok(Found::Marked(answer)) => answered(gold, Cow::Borrowed(answer), policy),
        Ok(Found::Candidates(candidates)) => judge_candidates(gold, &candidates, policy),
        Err(reason) => {
            // A choice needs no cue where the whole response is about it.
            let words = own_words(response).ok().filter(|_| {
                gold.choice.is_some()
                    && extraction == Extraction::Auto
                    && reason == Reason::NoAnswerFound
            });
            match words.map(choice) {
                Some(Chosen::One(letter)) => answered(gold, letter.to_string().into(), policy),
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

/// Judges the first candidate that is an answer of the kind that the gold answer is.
fn judge_candidates<'a>(gold: &Gold, candidates: &[&'a str], policy: Policy) -> Judged<'a> {
    if gold.choice.is_some() {
        for candidate in candidates {
            match choice(candidate) {
                Chosen::One(letter) => return answered(gold, letter.to_string().into(), policy),
                Chosen::Several => return answered(gold, Cow::Borrowed(candidate), policy),
                Chosen::Nothing => {}
            }
        }
    }
    for candidate in candidates {
        let text = Cow::Borrowed(*candidate);
        if same_text(&gold.answer, candidate) || spelled(candidate).is_some() {
            return answered(gold, text, policy);
        }
        match parse(candidate) {
            Ok(expr) if reads_as_answer(&expr) => return answered(gold, text, policy),
            Err(Stop::Control) => return answered(gold, text, policy),
            _ => {}
        }
    }
    match candidates.first() {
        Some(words) if gold.expr.as_ref().is_none_or(|expr| matches!(expr, Expr::Text(_))) => {
            answered(gold, Cow::Borrowed(words), policy)
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
    answered(gold, Cow::Borrowed(answer), Policy::Strict).grade()
}

/// A verdict, and what is needed to say more about the answer.
struct Judged<'a> {
    verdict: Verdict,
    reason: Reason,
    answer: Option<Answered<'a>>,
}

/// An answer that was read, and the steps that its comparison has left.
struct Answered<'a> {
    text: Cow<'a, str>,
    expr: Result<Expr, Stop>,
    budget: Budget,
}

impl Judged<'_> {
    fn grade(self) -> Grade {
        let answer = self.answer.map(|Answered { text, expr, budget }| {
            let text = text.trim();
            let canonical = expr.ok().and_then(|expr| canonical(&expr, &budget).ok());
            let canonical = canonical.unwrap_or_else(|| plain_words(text));
            Answer { text: cut(text), canonical: cut(&canonical) }
        });
        Grade { verdict: self.verdict, answer, reason: self.reason }
    }
}

fn missing(reason: Reason) -> Judged<'static> {
    Judged { verdict: Verdict::NoAnswer, answer: None, reason }
}

/// Judges a bare answer.
fn answered<'a>(gold: &Gold, answer: Cow<'a, str>, policy: Policy) -> Judged<'a> {
    let text = answer.trim();
    if text.trim_matches(['$', '.', ' ']).is_empty() {
        return missing(Reason::EmptyAnswer);
    }
    let budget = Budget::new(policy);
    let expr = read(text);
    let (reason, verdict) = match decide::decide(gold, text, expr.as_ref(), &budget) {
        Ok(reason) => (reason, verdict_of(reason)),
        Err(stop) => (stop.reason(), stop.verdict()),
    };
    Judged { verdict, reason, answer: Some(Answered { text: answer, expr, budget }) }
}

/// Reads an answer: a number in words, or an expression.
fn read(text: &str) -> Result<Expr, Stop> {
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let words = if digits { said_twice(text) } else { spelled(text) };
    words.map_or_else(|| parse(text), Ok)
}

/// The number that a text spells; words on both sides of a comma are two numbers, unless the
/// first are thousands or more: "forty, two", "one thousand, two hundred".
fn spelled(text: &str) -> Option<Expr> {
    let joined = |(at, sign): (usize, &str)| {
        let thousands = ["thousand", "million", "billion", "trillion"];
        sign == "," && thousands.iter().any(|word| text[..at].to_lowercase().ends_with(word))
    };
    let one = text.len() <= 200
        && text.trim_end_matches([',', ';']).match_indices([',', ';', '/', ':', '&']).all(joined);
    if one { spelled_number(&plain_words(text)) } else { None }
}

/// The number of "eight (8)".
fn said_twice(text: &str) -> Option<Expr> {
    let (words, rest) = text.split_once('(')?;
    let (number, rest) = rest.split_once(')')?;
    if words.len() > 100 || !rest.trim_matches(['}', '$', '.', ' ']).is_empty() {
        return None;
    }
    let (spelled, number) = (spelled(words)?, parse(number).ok()?);
    (spelled == number).then_some(number)
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
    if text.len() <= KEPT {
        return text.to_owned();
    }
    text.chars().take(KEPT).collect()
}

//! The filter of mistakes, and the equivalent query of the view.

use std::fmt::Write as _;

use retrial_domain::MistakeKind;
use retrial_grader::{Gold, grade_answer};

/// The text for a mistake without an answer.
const NO_ANSWER: &str = "(none)";
const CUT_OFF: &str = "(cut off)";

/// Filter of mistakes; by default all match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MistakeFilter {
    /// Of the run with this name.
    pub run: Option<String>,
    /// This problem.
    pub problem: Option<String>,
    /// This wrong answer, however it is written; `(none)` and `(cut off)` are those without.
    pub answer: Option<String>,
    /// These kinds; all if empty.
    pub kinds: Vec<MistakeKind>,
    /// Made at least this often.
    pub min_times: Option<i64>,
    /// Last made in this step or later.
    pub from_step: Option<i64>,
    /// First made in this step or before.
    pub to_step: Option<i64>,
    /// Problems that were never solved (`false`), or were (`true`).
    pub solved: Option<bool>,
    /// With these words, in this order, in a response or in the problem.
    pub contains: Option<String>,
    /// Limit on the latest responses that a text search looks at, and a tenth as many
    /// problems, so that a page is fast even for a very common word.
    pub most_hits: Option<u32>,
}

impl MistakeFilter {
    /// The equivalent query of the view, for people to read and to change.
    pub fn sql(&self) -> String {
        let filter = self.with_answer_as_kind();
        let mut conditions = Vec::new();
        let mut equal = |column: &str, value: &str| {
            conditions.push(format!("{column} = {}", quoted(value)));
        };
        filter.run.iter().for_each(|run| equal("run", run));
        filter.problem.iter().for_each(|problem| equal("problem", problem));
        conditions.extend(filter.answer.iter().map(|answer| {
            format!("canonical IN ({}, {})", quoted(&canonical(answer)), quoted(answer))
        }));
        if !filter.kinds.is_empty() {
            let kinds: Vec<String> =
                filter.kinds.iter().map(|kind| quoted(kind.as_str())).collect();
            conditions.push(format!("kind IN ({})", kinds.join(", ")));
        }
        conditions.extend(filter.min_times.map(|times| format!("times >= {times}")));
        conditions.extend(filter.from_step.map(|step| format!("last_step >= {step}")));
        conditions.extend(filter.to_step.map(|step| format!("first_step <= {step}")));
        conditions.extend(filter.solved.map(|solved| format!("solved = {}", u8::from(solved))));
        conditions.extend(filter.contains.as_ref().map(|text| {
            let words = quoted(&phrase(text));
            format!(
                "(id IN (SELECT mistake FROM failure_documents WHERE id IN (\
                 SELECT rowid FROM failures_fts WHERE failures_fts MATCH {words}))\n   \
                 OR (run, problem) IN (SELECT runs.name, problem \
                 FROM problem_tallies JOIN runs ON runs.id = run \
                 WHERE problem_tallies.id IN (\
                 SELECT rowid FROM problems_fts WHERE problems_fts MATCH {words})))"
            )
        }));
        let mut sql = "SELECT * FROM mistakes".to_owned();
        for (position, condition) in conditions.iter().enumerate() {
            let word = if position == 0 { "WHERE" } else { "  AND" };
            let _ = write!(sql, "\n{word} {condition}");
        }
        sql
    }

    /// `(none)` and `(cut off)` are kinds of mistakes, not answers.
    pub(crate) fn with_answer_as_kind(&self) -> Self {
        let kind = match self.answer.as_deref() {
            Some(NO_ANSWER) => MistakeKind::NoAnswer,
            Some(CUT_OFF) => MistakeKind::CutOff,
            _ => return self.clone(),
        };
        // The answer contradicts the kinds: the empty answer of a mistake that has one.
        if !self.kinds.is_empty() && !self.kinds.contains(&kind) {
            return self.clone();
        }
        Self { answer: None, kinds: vec![kind], ..self.clone() }
    }
}

/// The grader's normal form of an answer.
pub fn canonical(answer: &str) -> String {
    // It does not depend on what is right.
    let gold = Gold::parse("0").expect("a number is an answer");
    let normal = grade_answer(&gold, answer).answer;
    normal.map_or_else(|| answer.to_owned(), |answer| answer.canonical)
}

/// A phrase query of the full-text search, which a NUL would end.
pub fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace('\0', " "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

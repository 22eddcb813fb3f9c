//! From the cells of a row to a problem, or to the reason why there is none.

use std::collections::BTreeMap;

use retrial_rows::{Message, Row, find, plain};
use serde_json::Value;

use crate::cell::{answer, asked, needs_picture, says_none, without_wrapping};
use crate::layout::{Layout, Mapping, Written};
use crate::report::Reason;

/// The longest cell that is kept as a tag, characters.
const LONGEST_TAG: usize = 200;

/// A row that may become a problem.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) id: Option<String>,
    pub(crate) text: String,
    pub(crate) answer: String,
    pub(crate) solution: Option<String>,
    pub(crate) context: Vec<Message>,
}

/// What the right answer of a row has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RightAnswer {
    /// What the grader can read.
    Mathematics,
    /// Any text, or any JSON: tests of code, for one.
    Anything,
}

/// Why a row is not a problem, with details.
pub(crate) type Refusal = (Reason, String);

/// Makes a problem of a row.
pub(crate) fn candidate(
    row: &Row,
    mapping: &Mapping,
    gold: RightAnswer,
    solutions: bool,
) -> Result<Candidate, Refusal> {
    let (text, context) = problem(row, mapping)?;
    let answer = match gold {
        RightAnswer::Mathematics => right_answer(row, mapping)?,
        RightAnswer::Anything => any_answer(row, mapping)?,
    };
    if needs_picture(&text) {
        return Err((Reason::Picture, "the problem refers to a picture".into()));
    }
    let cell = |path: &String| plain(find(&row.cells, path)?).ok().flatten();
    let some = |path: &String| cell(path).filter(|text| !text.is_empty());
    let solution = mapping.solution.as_ref().filter(|_| solutions).and_then(some);
    let id = mapping.id.iter().find_map(some);
    Ok(Candidate { id, text, answer, solution, context })
}

fn problem(row: &Row, mapping: &Mapping) -> Result<(String, Vec<Message>), Refusal> {
    let mut whole = String::new();
    let mut context = Vec::new();
    for path in &mapping.problem {
        let cell = find(&row.cells, path).unwrap_or(&Value::Null);
        let (text, before) =
            asked(cell).map_err(|problem| (Reason::NoProblem, format!("`{path}`: {problem}")))?;
        if !whole.is_empty() && !text.is_empty() {
            // The first part of SVAMP's problems is sometimes half a sentence.
            whole.push_str(if whole.ends_with(['.', '?', '!', ',', ':']) { " " } else { ", " });
        }
        whole.push_str(&text);
        context.extend(before);
    }
    if mapping.layout == Layout::Dapo {
        whole = without_wrapping(&whole).to_owned();
    }
    if whole.is_empty() {
        return Err((Reason::NoProblem, format!("`{}` is empty", mapping.problem.join("`, `"))));
    }
    Ok((whole, context))
}

fn right_answer(row: &Row, mapping: &Mapping) -> Result<String, Refusal> {
    let Mapping { answer: path, written, .. } = mapping;
    let none = |what: &str| (Reason::NoAnswer, format!("`{path}` {what}"));
    let text = match find(&row.cells, path) {
        None => return Err(none("is not there")),
        Some(Value::Null) => return Err(none("is null")),
        Some(Value::Object(_)) => {
            return Err(none("is an object; select a part of it with a dot"));
        }
        Some(cell) => {
            plain(cell).map_err(|problem| (Reason::AnswerUnreadable, problem))?.unwrap_or_default()
        }
    };
    let found = answer(&text, *written).ok_or_else(|| {
        none(match written {
            _ if text.is_empty() => "is empty",
            Written::Plain => "is empty",
            Written::Worked => "has neither #### followed by an answer nor a box",
        })
    })?;
    if says_none(&found) {
        return Err((Reason::NotVerifiable, format!("the answer is `{found}`")));
    }
    Ok(found)
}

/// The right answer as it stands: a text, or JSON. Of a worked answer that ends as such do, its end.
fn any_answer(row: &Row, mapping: &Mapping) -> Result<String, Refusal> {
    let Mapping { answer: path, written, .. } = mapping;
    let none = |what: &str| (Reason::NoAnswer, format!("`{path}` {what}"));
    let text = match find(&row.cells, path) {
        None => return Err(none("is not there")),
        Some(Value::Null) => return Err(none("is null")),
        Some(json @ (Value::Object(_) | Value::Array(_))) => json.to_string(),
        Some(cell) => {
            plain(cell).map_err(|problem| (Reason::AnswerUnreadable, problem))?.unwrap_or_default()
        }
    };
    let worked = (*written == Written::Worked).then(|| answer(&text, *written)).flatten();
    match worked.unwrap_or(text) {
        empty if empty.is_empty() => Err(none("is empty")),
        found => Ok(found),
    }
}

/// What else a row says of its problem.
pub(crate) fn tags(row: &Row, mapping: &Mapping) -> BTreeMap<String, String> {
    let short = |cell: &Value| match cell {
        Value::Array(_) | Value::Object(_) => None,
        cell => plain(cell).ok().flatten().filter(|text| text.chars().count() <= LONGEST_TAG),
    };
    let named = mapping.tags.iter().filter(|path| *path != "tags");
    let mut tags: BTreeMap<String, String> =
        named.filter_map(|path| Some((path.clone(), short(find(&row.cells, path)?)?))).collect();
    if let Some(Value::Object(own)) = row.cells.get("tags") {
        tags.extend(own.iter().filter_map(|(name, cell)| Some((name.clone(), short(cell)?))));
    }
    tags
}

//! From the cells of a row to an example in words.

use retrial_rows::{Message, Role, Row, find, messages, plain};
use serde_json::Value;

/// An example in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialogue {
    /// What comes before the response.
    pub prompt: Vec<Message>,
    /// What the model shall say.
    pub response: String,
}

/// Columns that the command line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub prompt: String,
    pub response: String,
}

/// Columns with a whole conversation.
const CONVERSATIONS: [&str; 2] = ["messages", "conversations"];

/// Columns of prompt and response, the first pair of which that a row has is used.
const PAIRS: [(&str, &str); 7] = [
    ("prompt", "response"),
    ("prompt", "completion"),
    ("question", "answer"),
    ("problem", "solution"),
    ("instruction", "output"),
    ("input", "output"),
    ("input", "target"),
];

/// What an instruction is about, in its own column.
const ABOUT: (&str, &str) = ("instruction", "input");

/// Whether a column may be used.
pub(super) fn may_be_used(column: &str, named: Option<&Columns>) -> bool {
    let top = |path: &str| path == column || path.split('.').next() == Some(column);
    match named {
        Some(named) => top(&named.prompt) || top(&named.response),
        None => {
            CONVERSATIONS.contains(&column)
                || PAIRS.iter().any(|(prompt, response)| [*prompt, *response].contains(&column))
        }
    }
}

/// Reads a row. The error says what is missing.
pub(super) fn dialogue(row: &Row, named: Option<&Columns>) -> Result<Dialogue, String> {
    let cell = |path: &str| find(&row.cells, path).filter(|cell| !cell.is_null());
    if let Some(Columns { prompt, response }) = named {
        return pair(row, prompt, response);
    }
    if let Some(column) = CONVERSATIONS.into_iter().find(|column| cell(column).is_some()) {
        let said = cell(column).map_or_else(|| Ok(Vec::new()), messages);
        return said.and_then(whole).map_err(|problem| format!("`{column}`: {problem}"));
    }
    let there = |pair: &&(&str, &str)| row.has(pair.0) && row.has(pair.1);
    match PAIRS.iter().find(there) {
        Some((prompt, response)) => pair(row, prompt, response),
        None => Err(format!(
            "no columns of prompt and response are known among {}",
            row.columns().join(", ")
        )),
    }
}

/// Prompt and response from a column each: texts, or messages.
fn pair(row: &Row, prompt: &str, response: &str) -> Result<Dialogue, String> {
    let cell = |path: &str| match find(&row.cells, path) {
        None => Err(format!("`{path}` is not there")),
        Some(Value::Null) => Err(format!("`{path}` is null")),
        Some(cell) => Ok(cell),
    };
    let named = |path: &str, problem: String| format!("`{path}`: {problem}");
    let asked = cell(prompt)?;
    let mut before = match asked {
        Value::Array(_) => messages(asked).map_err(|problem| named(prompt, problem))?,
        text => {
            let text = self::text(text).map_err(|problem| named(prompt, problem))?;
            let about = row.cells.get(ABOUT.1).filter(|_| prompt == ABOUT.0);
            let about = about.and_then(Value::as_str).filter(|about| !about.trim().is_empty());
            let content = about.map_or_else(|| text.clone(), |about| format!("{text}\n\n{about}"));
            vec![Message { role: Role::User, content }]
        }
    };
    let said = cell(response)?;
    match said {
        Value::Array(_) => {
            before.extend(messages(said).map_err(|problem| named(response, problem))?);
            whole(before).map_err(|problem| named(response, problem))
        }
        text => {
            let response = self::text(text).map_err(|problem| named(response, problem))?;
            checked(Dialogue { prompt: before, response })
        }
    }
}

/// A conversation, whose last message of the assistant is the response. What comes after it is not used.
fn whole(mut said: Vec<Message>) -> Result<Dialogue, String> {
    let Some(last) = said.iter().rposition(|message| message.role == Role::Assistant) else {
        return Err("there is no message of the assistant".into());
    };
    said.truncate(last + 1);
    let response = said.pop().map(|message| message.content).unwrap_or_default();
    checked(Dialogue { prompt: said, response })
}

fn checked(dialogue: Dialogue) -> Result<Dialogue, String> {
    if dialogue.prompt.iter().all(|message| message.content.trim().is_empty()) {
        Err("the prompt is empty".into())
    } else if dialogue.response.trim().is_empty() {
        Err("the response is empty".into())
    } else {
        Ok(dialogue)
    }
}

/// A text as it is; numbers and lists as text.
fn text(cell: &Value) -> Result<String, String> {
    match cell {
        Value::String(text) => Ok(text.clone()),
        Value::Object(_) => Err("it is an object; select a part of it with a dot".into()),
        other => Ok(plain(other)?.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Row {
        let Value::Object(cells) = value else { unreachable!("rows are objects") };
        Row { cells, columns: None }
    }

    fn read(value: Value) -> Result<(String, String), String> {
        let dialogue = dialogue(&row(value), None)?;
        let said = dialogue.prompt.iter().map(|message| {
            let role = format!("{:?}", message.role);
            format!("{}:{}", &role[..1], message.content)
        });
        Ok((said.collect::<Vec<_>>().join("|"), dialogue.response))
    }

    #[test]
    fn layouts() {
        let user = |content: &str| json!({"role": "user", "content": content});
        let model = |content: &str| json!({"role": "assistant", "content": content});
        let cases = [
            (json!({"prompt": " a ", "response": "b\n"}), "U: a ", "b\n"),
            (json!({"prompt": "a", "completion": "b", "id": 3}), "U:a", "b"),
            (json!({"question": "a", "answer": 42}), "U:a", "42"),
            (json!({"problem": "a", "solution": "b", "answer": "c"}), "U:a", "b"),
            (json!({"instruction": "a", "input": "", "output": "b"}), "U:a", "b"),
            (json!({"instruction": "a", "input": "x", "output": "b"}), "U:a\n\nx", "b"),
            (json!({"prompt": [user("a")], "completion": [model("b")]}), "U:a", "b"),
            (
                json!({"messages": [user("a"), model("b"), user("c"), model("d"), user("e")]}),
                "U:a|A:b|U:c",
                "d",
            ),
            (
                json!({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}),
                "U:a",
                "b",
            ),
            (json!({"messages": null, "prompt": "a", "response": "b"}), "U:a", "b"),
        ];
        for (given, prompt, response) in cases {
            let found = read(given.clone()).unwrap();
            assert_eq!((found.0.as_str(), found.1.as_str()), (prompt, response), "{given}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let cases = [
            (json!({"text": "a"}), "known among text"),
            (json!({"prompt": "a", "response": null}), "`response` is null"),
            (json!({"prompt": "a", "response": " "}), "the response is empty"),
            (json!({"prompt": "", "response": "b"}), "the prompt is empty"),
            (json!({"prompt": {"x": 1}, "response": "b"}), "`prompt`: it is an object"),
            (
                json!({"messages": [{"role": "user", "content": "a"}]}),
                "no message of the assistant",
            ),
            (json!({"messages": [{"role": "tool", "content": "a"}]}), "the role `tool`"),
            (json!({"messages": "a"}), "no list of messages"),
        ];
        for (given, expected) in cases {
            let problem = read(given.clone()).unwrap_err();
            assert!(problem.contains(expected), "{given}: {problem}");
        }
    }

    #[test]
    fn named_columns_lead_into_cells() {
        let named = Columns { prompt: "task.text".into(), response: "cot".into() };
        let found = dialogue(&row(json!({"task": {"text": "a"}, "cot": "b"})), Some(&named));
        assert_eq!(found.unwrap().response, "b");
        assert!(may_be_used("task", Some(&named)) && !may_be_used("prompt", Some(&named)));
        let error = dialogue(&row(json!({"prompt": "a", "response": "b"})), Some(&named));
        assert_eq!(error.unwrap_err(), "`task.text` is not there");
    }
}

//! The content of a cell: texts, numbers, lists, messages, worked answers.

use retrial_grader::Gold;
use serde_json::{Map, Value};

use crate::layout::Written;
use crate::problem::{Message, Role};

/// The problem of a row and the messages before it.
pub(crate) type Prompt = (String, Vec<Message>);

/// Finds a cell: a column with this exact name, or the target of a dotted path.
pub(crate) fn find<'a>(cells: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(cell) = cells.get(path) {
        return Some(cell);
    }
    let mut parts = path.split('.');
    let mut value = cells.get(parts.next()?)?;
    for part in parts {
        value = match value {
            Value::Object(object) => object.get(part)?,
            Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// A cell as text; none if it is empty. A list of answers is one answer with several parts,
/// without dollars. The error is a number that JSON did not keep exactly.
pub(crate) fn plain(cell: &Value) -> Result<Option<String>, String> {
    /// Above this, floats cannot represent every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    Ok(match cell {
        Value::Null | Value::Object(_) => None,
        Value::Bool(it) => Some(it.to_string()),
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => match number.as_f64() {
            Some(value) if number.is_f64() && value.abs() >= EXACT => {
                return Err(format!("{number} is too large for a JSON number; write it as a text"));
            }
            // A table of floats writes 27 like this.
            Some(value) if number.is_f64() && value.fract() == 0.0 => Some(format!("{value:.0}")),
            _ => Some(number.to_string()),
        },
        Value::Array(parts) => {
            let parts: Result<Vec<_>, String> = parts.iter().map(plain).collect();
            let parts: Vec<String> = parts?.into_iter().flatten().collect();
            let parts: Vec<String> = match parts.as_slice() {
                [_] => parts,
                several => several.iter().map(|part| part.replace('$', "")).collect(),
            };
            (!parts.is_empty()).then(|| parts.join(", "))
        }
    })
}

/// The problem in a cell: a text, or messages, of which the user's last is the problem.
pub(crate) fn asked(cell: &Value) -> Result<Prompt, String> {
    let Value::Array(messages) = cell else {
        return Ok((plain(cell)?.unwrap_or_default(), Vec::new()));
    };
    let mut read = Vec::new();
    for message in messages {
        let field = |names: [&str; 2]| names.iter().find_map(|name| message.get(name));
        let role = field(["role", "from"]).and_then(Value::as_str).unwrap_or_default();
        let role = Role::by_name(role).ok_or_else(|| format!("a message has the role `{role}`"))?;
        let content = field(["content", "value"]).map(content).unwrap_or_default();
        read.push(Message { role, content });
    }
    let Some(last) = read.iter().rposition(|message| message.role == Role::User) else {
        return Err("there is no message of the user".into());
    };
    read.truncate(last + 1);
    let asked = read.pop().map(|message| message.content.trim().to_owned());
    Ok((asked.unwrap_or_default(), read))
}

/// The text of a message: a text, or parts of which some are text.
fn content(cell: &Value) -> String {
    match cell {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let text = |part: &Value| match part.get("type").and_then(Value::as_str) {
                Some("image" | "image_url") => "<image>".to_owned(),
                _ => part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
            };
            parts.iter().map(text).collect()
        }
        _ => String::new(),
    }
}

/// The answer in a text: after `####`, in a box, or the text itself.
pub(crate) fn answer(text: &str, written: Written) -> Option<String> {
    let text = text.trim();
    if let Some((_, behind)) = text.rsplit_once("####") {
        let answer = behind.trim().lines().next().unwrap_or_default().trim();
        return (!answer.is_empty()).then(|| answer.to_owned());
    }
    if text.contains("\\boxed") || text.contains("\\fbox") {
        let boxed = Gold::parse(text).ok().map(|gold| gold.answer().to_owned());
        if let Some(answer) = boxed.filter(|answer| answer != text) {
            return Some(answer);
        }
    }
    // A list that was written into a text.
    if text.starts_with("[\"")
        && let Ok(list) = serde_json::from_str::<Value>(text)
    {
        return plain(&list).ok().flatten();
    }
    (written == Written::Plain && !text.is_empty()).then(|| text.to_owned())
}

/// Whether an answer is a word for "no answer".
pub(crate) fn says_none(answer: &str) -> bool {
    const WORDS: [&str; 8] =
        ["proof", "notfound", "not found", "no answer", "nan", "n/a", "null", "unknown"];
    let lower = answer.trim_matches(['.', '(', ')', '[', ']', '<', '>']).to_ascii_lowercase();
    WORDS.contains(&lower.as_str())
}

/// Whether a problem refers to a picture.
pub(crate) fn needs_picture(text: &str) -> bool {
    ["<image", "![](", "\\includegraphics"].iter().any(|sign| text.contains(sign))
}

/// The problem without DAPO's instructions around it, which ask for an
/// answer that is not in a box.
pub(crate) fn without_wrapping(text: &str) -> &str {
    const BEFORE: &str = "Solve the following math problem step by step. The last line of your \
                          response should be of the form Answer: $Answer";
    const AFTER: &str = "Remember to put your answer on its own line after \"Answer:\".";
    let inner = text.strip_prefix(BEFORE).and_then(|rest| rest.split_once("\n\n"));
    let inner = inner.and_then(|(_, rest)| rest.trim_end().strip_suffix(AFTER));
    inner.map_or(text, str::trim)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_into_a_cell() {
        let Value::Object(cells) = json!({"a": {"b": [1, {"c": "x"}]}, "a.b": "whole", "n": null})
        else {
            unreachable!()
        };
        assert_eq!(find(&cells, "a.b"), Some(&json!("whole")));
        assert_eq!(find(&cells, "a.b.1.c"), Some(&json!("x")));
        assert_eq!(find(&cells, "n"), Some(&Value::Null));
        assert_eq!(find(&cells, "a.x"), None);
        assert_eq!(find(&cells, "n.x"), None);
    }

    #[test]
    fn cells_are_texts() {
        let cases = [
            (json!(" 42 "), Some("42")),
            (json!(42), Some("42")),
            (json!(42.0), Some("42")),
            (json!(0.5), Some("0.5")),
            (json!(true), Some("true")),
            (json!(["$2$", "$-2$"]), Some("2, -2")),
            (json!(["$2$"]), Some("$2$")),
            (json!([null]), None),
            (json!(null), None),
            (json!({"a": 1}), None),
        ];
        for (cell, expected) in cases {
            assert_eq!(plain(&cell).unwrap().as_deref(), expected, "{cell}");
        }
        let large: Value = serde_json::from_str("123456789012345678901234").unwrap();
        assert!(plain(&large).unwrap_err().contains("write it as a text"));
    }

    #[test]
    fn answers_are_taken_out_of_worked_ones() {
        let cases = [
            ("She has 3*14=42.\n#### 42", Some("42")),
            ("#### 1,000\n", Some("1,000")),
            ("It is $\\boxed{\\frac{3}{4}}$.", Some("\\frac{3}{4}")),
            ("[\"42\"]", Some("42")),
            ("so it is 42", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(answer(text, Written::Worked).as_deref(), expected, "{text}");
        }
        assert_eq!(answer("[1, 2)", Written::Plain).as_deref(), Some("[1, 2)"));
        assert!(says_none("Proof.") && says_none("notfound") && !says_none("none"));
    }

    #[test]
    fn messages_are_a_problem_and_what_comes_before_it() {
        let cell = json!([
            {"role": "system", "content": "Reason."},
            {"role": "user", "content": [{"type": "text", "text": "What is 6 * 7? "}]},
            {"role": "assistant", "content": "42"},
        ]);
        let (text, context) = asked(&cell).unwrap();
        assert_eq!(text, "What is 6 * 7?");
        assert_eq!(context, [Message { role: Role::System, content: "Reason.".into() }]);
        assert!(asked(&json!([{"role": "tool", "content": "x"}])).unwrap_err().contains("`tool`"));
        assert!(asked(&json!([])).unwrap_err().contains("no message of the user"));
    }

    #[test]
    fn the_wrapping_of_dapo_is_taken_off() {
        let text = "Solve the following math problem step by step. The last line of your response \
                    should be of the form Answer: $Answer (without quotes) where $Answer is the \
                    answer to the problem.\n\nWhat is\n\n6 * 7?\n\nRemember to put your answer on \
                    its own line after \"Answer:\".";
        assert_eq!(without_wrapping(text), "What is\n\n6 * 7?");
        assert_eq!(without_wrapping("What is 6 * 7?"), "What is 6 * 7?");
    }
}

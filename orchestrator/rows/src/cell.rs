//! The content of a cell: texts, numbers, lists, messages.

use serde_json::{Map, Value};

use crate::message::{Message, Role};

/// Finds a cell: a column with this exact name, or the target of a dotted path.
pub fn find<'a>(cells: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
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
pub fn plain(cell: &Value) -> Result<Option<String>, String> {
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

/// The messages of a conversation in a cell, under the names of `OpenAI` (`role`, `content`) or of
/// `ShareGPT` (`from`, `value`). The error says which message cannot be read.
pub fn messages(cell: &Value) -> Result<Vec<Message>, String> {
    let Value::Array(messages) = cell else { return Err("it is no list of messages".into()) };
    let of_one = |message: &Value| {
        let field = |names: [&str; 2]| names.iter().find_map(|name| message.get(name));
        let role = field(["role", "from"]).and_then(Value::as_str).unwrap_or_default();
        let role = Role::by_name(role).ok_or_else(|| format!("a message has the role `{role}`"))?;
        let content = field(["content", "value"]).map(content).unwrap_or_default();
        Ok(Message { role, content })
    };
    messages.iter().map(of_one).collect()
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
    fn messages_have_two_names_for_everything() {
        let cell = json!([
            {"role": "developer", "content": [{"type": "text", "text": "Reason."}]},
            {"from": "human", "value": "6 * 7?"},
            {"from": "gpt", "value": "42"},
        ]);
        let found = messages(&cell).unwrap();
        let shown: Vec<_> =
            found.iter().map(|message| (message.role, message.content.as_str())).collect();
        let expected = [(Role::System, "Reason."), (Role::User, "6 * 7?"), (Role::Assistant, "42")];
        assert_eq!(shown, expected);
        assert!(
            messages(&json!([{"role": "tool", "content": "x"}])).unwrap_err().contains("`tool`")
        );
        assert!(messages(&json!("x")).is_err());
    }
}

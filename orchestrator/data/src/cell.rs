//! The content of a cell: problems, messages before them, worked answers.

use retrial_grader::Gold;
use retrial_rows::{Message, Role, messages, plain};
use serde_json::Value;

use crate::layout::Written;

/// The problem of a row and the messages before it.
pub(crate) type Prompt = (String, Vec<Message>);

/// The problem in a cell: a text, or messages, of which the user's last is the problem.
pub(crate) fn asked(cell: &Value) -> Result<Prompt, String> {
    if !cell.is_array() {
        return Ok((plain(cell)?.unwrap_or_default(), Vec::new()));
    }
    let mut read = messages(cell)?;
    let Some(last) = read.iter().rposition(|message| message.role == Role::User) else {
        return Err("there is no message of the user".into());
    };
    read.truncate(last + 1);
    let asked = read.pop().map(|message| message.content.trim().to_owned());
    Ok((asked.unwrap_or_default(), read))
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

//! Answers after a mark that the prompt asks for: `####` and `<answer>`.

use crate::verdict::Reason;

/// The rest of the line after the last `####`.
pub(super) fn after_hashes(body: &str) -> Result<&str, Reason> {
    const MARK: &str = "####";
    let at = body.rfind(MARK).ok_or(Reason::NoAnswerFound)?;
    let answer = body[at + MARK.len()..].lines().next().unwrap_or("").trim();
    if answer.is_empty() { Err(Reason::EmptyAnswer) } else { Ok(answer) }
}

/// The content of the last `<answer>` element; none if that one is not ended.
pub(super) fn in_answer_tag(body: &str) -> Result<&str, Reason> {
    const OPEN: &str = "<answer>";
    const CLOSE: &str = "</answer>";
    // Only ASCII letters change case, so offsets are those of the text.
    let lower = body.to_ascii_lowercase();
    let start = lower.rfind(OPEN).ok_or(Reason::NoAnswerFound)? + OPEN.len();
    let length = lower[start..].find(CLOSE).ok_or(Reason::NoAnswerFound)?;
    let answer = body[start..start + length].trim();
    if answer.is_empty() { Err(Reason::EmptyAnswer) } else { Ok(answer) }
}

#[cfg(test)]
mod tests {
    use super::super::{Found, extract};
    use crate::Extraction;
    use crate::verdict::Reason;

    #[test]
    fn the_last_mark_counts() {
        for (response, expected) in [
            ("6 * 7 = 42\n#### 42", Ok("42")),
            ("#### 41\nNo.\n#### 42\nDone.", Ok("42")),
            ("####42", Ok("42")),
            ("#### 41\n####", Err(Reason::EmptyAnswer)),
            ("<think>#### 41</think> I do not know.", Err(Reason::NoAnswerFound)),
            ("<think>#### 41", Err(Reason::UnclosedThink)),
            (r"It is \boxed{42}.", Err(Reason::NoAnswerFound)),
        ] {
            let found = extract(response, Extraction::Hashes);
            assert_eq!(found, expected.map(Found::Marked), "{response}");
        }
    }

    #[test]
    fn the_last_element_counts() {
        for (response, expected) in [
            ("<answer> 42 </answer>", Ok(Found::Marked("42"))),
            ("<Answer>41</Answer> no: <answer>42</answer> done", Ok(Found::Marked("42"))),
            (r"<answer>It is $\boxed{42}$.</answer>", Ok(Found::Boxes(vec!["42"]))),
            ("<answer>41</answer> no: <answer>42", Err(Reason::NoAnswerFound)),
            ("<answer>41</answer> no: <answer> </answer>", Err(Reason::EmptyAnswer)),
            (r"<answer>\boxed{41</answer>", Err(Reason::NoAnswerFound)),
            ("<think><answer>41</answer></think> 42", Err(Reason::NoAnswerFound)),
            (r"\boxed{42}", Err(Reason::NoAnswerFound)),
        ] {
            assert_eq!(extract(response, Extraction::AnswerTag), expected, "{response}");
        }
    }
}

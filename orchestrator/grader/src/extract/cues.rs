//! Phrases that announce an answer: "final answer is", `####`, `<answer>`, "the answer is".

use super::{is_word, sentence};

/// Phrases that announce the answer, the strongest first; the last occurrence of a phrase counts.
const CUES: [&[&str]; 3] = [
    &["final answer is", "final answer:", "final answer**:", "final answer:**"],
    &[
        "answer is",
        "answer:",
        "answer**:",
        "answer:**",
        "answer to the problem is",
        "answer =",
        "\"answer\":",
        "'answer':",
        "answer should be",
        "answer must be",
        "answer would be",
        "answer will be",
        "answer equals",
        "option is",
        "choice is",
        "réponse est",
        "respuesta es",
        "risposta è",
        "antwort ist",
        "antwort lautet",
        "resposta é",
        "答案是",
        "答案为",
        "答案：",
        "答案:",
        "ответ:",
        "답은",
        "答えは",
    ],
    &["result is"],
];

/// Openings of a text that leaves the answer open: "not 42", "either 41 or 42".
const OPEN: [&str; 7] = ["not ", "either ", "neither ", "maybe ", "possibly ", "between ", "n't"];

/// The texts that follow the strongest cue of a response, the likeliest answer first.
pub(super) fn after_cues(body: &str) -> Vec<&str> {
    // Only ASCII letters change case, so offsets are those of the text.
    let lower = body.to_ascii_lowercase();
    if let Some(text) = last_after(body, &lower, CUES[0]) {
        return candidates(text);
    }
    if let Some(at) = body.rfind("####") {
        let line = body[at + 4..].trim_start().lines().next().unwrap_or("");
        return vec![line.trim()];
    }
    if let Some(text) = tagged(body, &lower) {
        return vec![text.trim()];
    }
    CUES[1..].iter().find_map(|cues| last_after(body, &lower, cues)).map_or(Vec::new(), candidates)
}

/// The content of the last complete `<answer>` element.
fn tagged<'a>(body: &'a str, lower: &str) -> Option<&'a str> {
    let end = lower.rfind("</answer>")?;
    let start = lower[..end].rfind("<answer>")? + "<answer>".len();
    Some(&body[start..end])
}

/// What follows the last of the cues.
fn last_after<'a>(body: &'a str, lower: &str, cues: &[&str]) -> Option<&'a str> {
    cues.iter()
        .filter_map(|cue| {
            let at = lower.rfind(cue)?;
            let starts_word = at == 0 || !is_word(lower.as_bytes()[at - 1]) || !cue.is_ascii();
            starts_word.then_some(at + cue.len())
        })
        .max()
        .map(|at| &body[at..])
        .filter(|text| !text.trim().is_empty())
}

/// The readings of a text that an answer starts: its sentence, its first formula, its first line.
fn candidates(text: &str) -> Vec<&str> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || ":*\"'=：".contains(c));
    if let Some(hashed) = text.strip_prefix("####") {
        return vec![hashed.lines().next().unwrap_or("").trim()];
    }
    let sentence = sentence(text);
    let start = sentence.get(..10).unwrap_or(sentence).to_ascii_lowercase();
    if OPEN.iter().any(|word| start.starts_with(word)) {
        return vec![sentence.trim()];
    }
    let line = sentence.lines().next().unwrap_or("");
    let mut found = vec![sentence.trim().trim_end_matches(['*', '"', '}', '.'])];
    // Braces of a JSON object are no part of its value, those of a formula are.
    found.push(sentence.trim().trim_end_matches(['*', '"']));
    found.push(line.trim().trim_end_matches(['*', '"']));
    if let Some(formula) = first_formula(text) {
        found.push(formula);
    }
    if let Some(at) = text.find(|c: char| c == ',' || c == ';' || c == '\n' || c.is_whitespace()) {
        found.push(&text[..at]);
    }
    found.extend(super::last::last_expressions(line));
    found.retain(|text| !text.is_empty());
    found
}

/// The formula that a text starts with.
fn first_formula(text: &str) -> Option<&str> {
    let (open, close) = [("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")]
        .into_iter()
        .find(|(open, _)| text.starts_with(open))?;
    let inner = &text[open.len()..];
    inner.find(close).map(|end| inner[..end].trim())
}

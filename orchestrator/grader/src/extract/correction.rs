//! Answers that are taken back after they were announced: "The answer is 41. No, 42."

use super::last::last_expressions;

/// Words that take an answer back, at the start of a sentence or after a pause.
const WORDS: [&str; 18] = [
    "no, ",
    "no: ",
    "no! ",
    "no. ",
    "no wait",
    "wait",
    "actually",
    "correction",
    "sorry",
    "scratch that",
    "hold on",
    "oops",
    "i mean",
    "on second thought",
    "let me correct",
    "that is wrong",
    "that's wrong",
    "it should be",
];

/// The answers that a later sentence gives in place of the one that a text starts with.
pub(super) fn replaced(text: &str) -> Option<Vec<&str>> {
    const LONGEST: usize = 4_000;
    // Only ASCII letters change case, so offsets are those of the text.
    let near = (0..=LONGEST.min(text.len())).rev().find(|end| text.is_char_boundary(*end))?;
    let lower = text[..near].to_ascii_lowercase();
    let start = WORDS
        .iter()
        .filter_map(|word| {
            lower
                .match_indices(word)
                .find(|(at, _)| after_pause(&lower[..*at]) && ends_word(&lower[at + word.len()..]))
                .map(|(at, _)| at + word.len())
        })
        .min()?;
    let rest = text[start..].trim_start_matches(|c: char| c.is_whitespace() || ",.:!".contains(c));
    // Words without a value leave the answer as it is: "Wait, let me check this."
    let has_value = rest.contains(['$', '\\']) || rest.bytes().any(|b| b.is_ascii_digit());
    let found = if has_value || names_choice(rest) { last_expressions(rest) } else { Vec::new() };
    (!found.is_empty()).then_some(found)
}

/// Whether a text ends where a sentence or a clause may start.
fn after_pause(before: &str) -> bool {
    let trimmed = before.trim_end();
    !trimmed.is_empty()
        && (before.len() > trimmed.len() || trimmed.ends_with(['(', '\u{2014}', '\u{2026}', '.']))
        && trimmed.ends_with(['.', ',', ';', '!', '?', '(', '-', '$', '*', '\u{2014}', '\u{2026}'])
}

fn ends_word(after: &str) -> bool {
    !after.starts_with(|c: char| c.is_ascii_alphanumeric())
        || after.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text names a choice: "it is (C)", "C".
fn names_choice(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'')
        .any(|word| matches!(word, "B" | "C" | "D" | "E" | "F" | "G" | "H"))
        || text.contains("(A)")
}

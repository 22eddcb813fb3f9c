//! Phrases that announce an answer: "final answer is", `####`, `<answer>`, "the answer is".

use super::correction::replaced;
use super::sentence::{is_word, sentence};

/// Phrases that announce the answer: strong ones, plain ones, weak ones.
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
const OPEN: [&str; 15] = [
    "not ",
    "either ",
    "neither ",
    "maybe ",
    "possibly ",
    "between ",
    "n't",
    "at least ",
    "at most ",
    "more than ",
    "less than ",
    "fewer than ",
    "greater than ",
    "close to ",
    "almost ",
];

/// Words in a sentence that leave its answer open.
const DOUBTS: [&str; 8] = [
    " or maybe ",
    " or possibly ",
    " or perhaps ",
    ", maybe ",
    " (or ",
    " (maybe ",
    " (possibly ",
    " (perhaps ",
];

/// The texts that follow the last cue of a response, the likeliest answer first.
///
/// A later cue replaces an earlier one: the model has changed its mind. The weak ones count where
/// there are no others.
pub(super) fn after_cues(body: &str) -> Vec<&str> {
    // Only ASCII letters change case, so offsets are those of the text.
    let lower = body.to_ascii_lowercase();
    let hashes = body.rfind("####").map(|at| (at + 4, Cue::Hashes));
    let tag = tagged(&lower).map(|(start, end)| (start, Cue::Tag(end)));
    let announced = [loose(&lower), last_after(&lower, CUES[0]), last_after(&lower, CUES[1])]
        .into_iter()
        .flatten()
        .max()
        .map(|at| (at, Cue::Words));
    let cues = [hashes, tag, announced];
    let last = cues
        .into_iter()
        .flatten()
        .filter(|(at, _)| !body[*at..].trim().is_empty())
        .max_by_key(|(at, _)| *at);
    match last {
        Some((at, Cue::Hashes)) => {
            vec![body[at..].trim_start().lines().next().unwrap_or("").trim()]
        }
        Some((at, Cue::Tag(end))) => {
            let inner = body[at..end].trim();
            // An announcement inside the element still announces.
            match announced {
                Some((inside, _)) if inside > at && inside < end => candidates(&body[inside..end]),
                _ => vec![inner],
            }
        }
        Some((at, Cue::Words)) => candidates(&body[at..]),
        None => last_after(&lower, CUES[2]).map_or(Vec::new(), |at| candidates(&body[at..])),
    }
}

/// What kind of cue an answer follows.
#[derive(Debug, Clone, Copy)]
enum Cue {
    Hashes,
    /// An element, with the place where it ends.
    Tag(usize),
    Words,
}

/// Where the content of the last complete `<answer>` element starts and ends.
fn tagged(lower: &str) -> Option<(usize, usize)> {
    let end = lower.rfind("</answer>")?;
    let start = lower[..end].rfind("<answer>")? + "<answer>".len();
    Some((start, end))
}

/// Where the text after the last of the cues starts: one pass from the end, whatever the cues.
fn last_after(lower: &str, cues: &[&str]) -> Option<usize> {
    let bytes = lower.as_bytes();
    let mut starts = [false; 256];
    for cue in cues {
        starts[usize::from(cue.as_bytes()[0])] = true;
    }
    (0..bytes.len()).rev().filter(|at| starts[usize::from(bytes[*at])]).find_map(|at| {
        cues.iter()
            .filter(|cue| bytes[at] == cue.as_bytes()[0] && bytes[at..].starts_with(cue.as_bytes()))
            .filter_map(|cue| {
                let starts_word = at == 0 || !is_word(bytes[at - 1]) || !cue.is_ascii();
                let end = at + cue.len();
                let ends_word = !cue.ends_with(|c: char| c.is_ascii_alphabetic())
                    || !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
                (starts_word && ends_word).then_some(end)
            })
            .max()
    })
}

/// Where the text after the last "final answer" starts that has words between it and its verb:
/// "the final answer (corrected): 42", "my final answer to part b is 42", "final answer = 42".
fn loose(lower: &str) -> Option<usize> {
    const CUE: &str = "final answer";
    const LONGEST: usize = 40;
    let start = lower.rfind(CUE)? + CUE.len();
    let line = lower[start..].lines().next().unwrap_or("");
    let near = line.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST).last()?;
    let near = &line[..near];
    [": ", ":$", ":*", "= ", "→ ", "=> ", " is ", " becomes ", " should be ", " must be ", " was "]
        .iter()
        .filter_map(|mark| near.find(mark).map(|at| at + mark.len()))
        .min()
        .filter(|at| !near[..*at].contains(|c: char| c.is_ascii_digit() || c == '.'))
        .map(|at| start + at)
}

/// The readings of a text that an answer starts: its sentence, its first formula, its first line.
fn candidates(text: &str) -> Vec<&str> {
    if let Some(later) = replaced(text) {
        return later;
    }
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || ":*\"'=：".contains(c));
    if let Some(hashed) = text.strip_prefix("####") {
        return vec![hashed.lines().next().unwrap_or("").trim()];
    }
    let sentence = sentence(text);
    // A question is no answer.
    if text[sentence.len()..].starts_with('?') {
        return vec![&text[..=sentence.len()]];
    }
    let start = sentence.get(..14).unwrap_or(sentence).to_ascii_lowercase();
    if OPEN.iter().any(|word| start.starts_with(word))
        || DOUBTS.iter().any(|doubt| sentence.contains(doubt))
    {
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

//! The last expression of a text: its last formula, its last number, its last choice letter.

use super::sentence::is_word;
use crate::compare::is_unit;
use crate::parse::scale_word;

/// How many words may follow the last expression of a text that breaks off.
const TRAILING_WORDS: usize = 3;
/// How many denied values are passed over, so that the work stays linear.
const MOST_DENIED: usize = 3;

/// The last expressions of a text, the likeliest answer first.
///
/// A text of one line may be an expression as a whole. Of the last formula and the last number the
/// later one comes first. A text that breaks off in the middle of a sentence has none.
pub(super) fn last_expressions(text: &str) -> Vec<&str> {
    let text = text.trim();
    let mut found = Vec::new();
    if text.len() <= 300 && !text.contains("\n\n") {
        found.push(text.trim_end_matches('.'));
    }
    // What a sentence denies is not its answer: "It is 42, not 43."
    let mut seen = text;
    let (mut formula, mut number) = (last_formula(seen), last_number(seen));
    for _ in 0..MOST_DENIED {
        let start = formula.map(|span| span.0).max(number.map(|span| span.0));
        let Some(start) = start.filter(|start| is_denied_before(seen, *start)) else { break };
        seen = &seen[..start];
        (formula, number) = (last_formula(seen), last_number(seen));
    }
    if seen.len() < text.len() {
        found.clear();
    }
    let end = formula.map_or(0, |(_, end)| end).max(number.map_or(0, |(_, end)| end));
    let end = end.max(text.rfind('=').map_or(0, |at| at + 1));
    if breaks_off(&text[end..]) {
        return Vec::new();
    }
    let spans = match (formula, number) {
        (Some(formula), Some(number)) if number.0 >= formula.1 => [Some(number), Some(formula)],
        (formula, number) => [formula, number],
    };
    found.extend(spans.into_iter().flatten().map(|(start, end)| text[start..end].trim()));
    // "The polynomial is x^2 + 1", "The probability is one half".
    let line = text.trim_end_matches(['.', '!']);
    let said = [" is ", " equals "].iter().filter_map(|verb| Some(line.rfind(verb)? + verb.len()));
    if let Some(start) = said.max()
        && seen.len() == text.len()
    {
        found.push(line[start..].trim());
    }
    found.retain(|text| !text.is_empty());
    found
}

/// Whether the words before a value deny it or leave it open: "not 43", "at least 42".
fn is_denied_before(text: &str, start: usize) -> bool {
    const WORDS: [&str; 12] = [
        "not",
        "n't",
        "not be",
        "n't be",
        "cannot be",
        "at least",
        "at most",
        "more than",
        "less than",
        "fewer than",
        "greater than",
        "close to",
    ];
    let before = text[..start].trim_end_matches(['$', '*', '(', ' ', '\\']);
    let from = before.len().saturating_sub(14);
    let from = (from..before.len()).find(|at| before.is_char_boundary(*at)).unwrap_or(from);
    let near = before[from..].to_ascii_lowercase();
    WORDS.iter().any(|word| {
        near.strip_suffix(word).is_some_and(|rest| {
            word.starts_with("n't") || !rest.ends_with(|c: char| c.is_alphanumeric())
        })
    })
}

/// Whether a text that follows the last expression shows that the response was cut off.
fn breaks_off(after: &str) -> bool {
    let after = after.trim_end();
    let ended = after.ends_with(['.', '!', '?', '。', '*', '"', ')', '$', ']', '}']);
    !ended && after.split_whitespace().count() > TRAILING_WORDS
}

/// Where the content of the last complete formula lies.
fn last_formula(text: &str) -> Option<(usize, usize)> {
    let pairs = [("$", "$"), ("\\)", "\\("), ("\\]", "\\[")];
    pairs
        .into_iter()
        .filter_map(|(close, open)| {
            let end = text.rfind(close)?;
            let inner = text[..end].trim_end_matches('$');
            let start = inner.rfind(open)? + open.len();
            (!inner[start..].trim().is_empty()).then_some((start, inner.len()))
        })
        .max_by_key(|(_, end)| *end)
}

/// Where the last number lies, with what belongs to it: a sign, a fraction, brackets, a unit sign.
fn last_number(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut end = bytes.len();
    loop {
        let digit = bytes[..end].iter().rposition(u8::is_ascii_digit)?;
        let mut stop = digit + 1;
        while bytes.get(stop).is_some_and(|b| b"%)]}!".contains(b)) {
            stop += 1;
        }
        let mut start = digit;
        // A time of day is one number.
        let in_time = |at: usize| {
            bytes[at] == b':'
                && at > 0
                && bytes[at - 1].is_ascii_digit()
                && bytes[at + 1].is_ascii_digit()
        };
        while start > 0 && (is_numeric(bytes[start - 1]) || in_time(start - 1)) {
            start -= 1;
        }
        // The blanks, commas and closing brackets of the text before are not the number's.
        let first = start;
        while start < digit && b" ,.*)]}=/+:\n".contains(&bytes[start]) {
            start += 1;
        }
        // A number in a word or at the end of a quotation is part of something else.
        let glued = |at: usize| {
            bytes.get(at).is_some_and(|b| b.is_ascii_alphabetic() || b"'_`".contains(b))
        };
        if !(start > 0 && glued(start - 1) || glued(stop)) {
            return Some((start, with_size(text, balanced(text, start, stop))));
        }
        start = first;
        if start == 0 {
            return None;
        }
        end = start;
    }
}

/// The end of a number with the word after it that changes its value: "7 million", "4:20 p.m.".
fn with_size(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    let word = rest.trim_start_matches([' ', '\\']);
    let length = word.find(|c: char| !c.is_alphabetic() && c != '.').unwrap_or(word.len());
    let found = word[..length].trim_end_matches('.').to_lowercase();
    let counts =
        matches!(found.as_str(), "am" | "pm" | "a.m" | "p.m" | "percent" | "squared" | "cubed")
            || scale_word(&found).is_some();
    // A unit at the end of a clause: "10 m." but not "10 in total".
    let after = word[length..].chars().next();
    let ends = after.is_none_or(|c| ",;:!?)\n*".contains(c));
    let unit = !rest.starts_with('\n') && length > 0 && ends && is_unit(found.as_str());
    if counts || unit { end + rest.len() - word.len() + length } else { end }
}

fn is_numeric(byte: u8) -> bool {
    byte.is_ascii_digit() || b"./,+-*^()[]= \\%".contains(&byte) && byte != b'\\'
}

/// The end of a span without closing brackets that it does not open.
fn balanced(text: &str, start: usize, end: usize) -> usize {
    let bytes = &text.as_bytes()[start..end];
    let mut depth = 0_i32;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return start + at;
        }
    }
    end
}

/// The choice that a text makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    One(char),
    /// "B or C" chooses neither.
    Several,
    Nothing,
}

/// The letter of the choice that a text makes, for gold answers that are choices.
pub(crate) fn choice(text: &str) -> Chosen {
    let head = text.trim_start_matches(|c: char| c.is_whitespace() || "*($".contains(c));
    let letter = head.chars().next().filter(char::is_ascii_uppercase);
    let after = head.chars().nth(1);
    if let Some(letter) = letter
        && after.is_none_or(|c| ".):,;*$。\n".contains(c))
        && !also_another(&head[1..], letter)
    {
        return Chosen::One(letter);
    }
    let bytes = text.as_bytes();
    let alone = |at: usize| {
        let before = at.checked_sub(1).map(|i| bytes[i]);
        let after = bytes.get(at + 1).copied();
        before.is_none_or(|b| !is_word(b) && b != b'\'')
            && after.is_none_or(|b| !is_word(b) && b != b'\'')
    };
    // "A" and "I" are words unless something marks them as a choice.
    let marked = |at: usize| {
        !matches!(bytes[at], b'A' | b'I') || bytes.get(at + 1).is_none_or(|b| b".),;:*".contains(b))
    };
    let mut letters = (0..bytes.len())
        .rev()
        .filter(|&at| bytes[at].is_ascii_uppercase() && alone(at) && marked(at))
        .filter(|&at| !is_denied(text, at));
    let Some(at) = letters.next() else { return Chosen::Nothing };
    if joined_to_another(text, at) { Chosen::Several } else { Chosen::One(bytes[at] as char) }
}

/// Whether "or", "and" or a slash joins the letter at a place to a letter before it: "A or B".
fn joined_to_another(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches(['(', '$', '*', ' ']);
    let Some(rest) = ["or", "and", "/"].iter().find_map(|word| before.strip_suffix(word)) else {
        return false;
    };
    let rest = rest.trim_end_matches([' ', ')', '$', '*', ',']);
    let mut letters = rest.chars().rev();
    letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && !letters.next().is_some_and(char::is_alphanumeric)
}

/// Whether a text after a choice offers another one: "or (C)", "; (C) also works".
fn also_another(after: &str, letter: char) -> bool {
    let rest = after.trim_start_matches([')', '*', '$', ' ', ',', '.', ';']);
    // "A is also possible".
    if rest.starts_with(|c: char| c.is_ascii_uppercase() && c != letter)
        && ["", ")"].iter().any(|close| {
            rest[1..].strip_prefix(close).is_some_and(|rest| rest.starts_with(" is also "))
        })
    {
        return true;
    }
    let marked = ["or ", "and ", "but "].iter().find_map(|word| {
        let head = rest.get(..word.len())?;
        head.eq_ignore_ascii_case(word).then(|| rest[word.len()..].trim_start_matches(['(', '*']))
    });
    let Some(other) = marked else { return false };
    let mut chars = other.chars();
    let found = chars.next().is_some_and(|c| c.is_ascii_uppercase() && c != letter);
    found && !chars.next().is_some_and(char::is_alphanumeric) && !is_denied(other, 0)
}

/// Whether the text around a letter says that it is not the choice.
fn is_denied(text: &str, at: usize) -> bool {
    let after = text[at + 1..].trim_start_matches([')', '*', '$', ' ']);
    let before = text[..at].trim_end_matches(['(', '*', '$', ' ']);
    // A few words are enough, so that many letters take linear time.
    let near = (before.len().saturating_sub(24)..=before.len())
        .find(|from| before.is_char_boundary(*from))
        .map_or("", |from| &before[from..])
        .to_ascii_lowercase();
    let before = ["option", "choice", "answer"]
        .iter()
        .find_map(|word| near.strip_suffix(word))
        .unwrap_or(&near)
        .trim_end();
    ["is wrong", "is incorrect", "is not", "is false", "cannot", "can't", "isn't", "are wrong"]
        .iter()
        .any(|denial| after.starts_with(denial))
        || ["not", "n't be", "cannot be", "nor", "neither", "except"].iter().any(|denial| {
            before.strip_suffix(denial).is_some_and(|rest| {
                denial.starts_with("n't") || !rest.ends_with(|c: char| c.is_ascii_alphanumeric())
            })
        })
}

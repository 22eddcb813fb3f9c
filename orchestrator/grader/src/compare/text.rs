//! Answers in words.

use crate::ast::{Expr, Num};
use crate::parse::in_words;

/// Words that carry no meaning of their own in an answer.
const IDLE: [&str; 21] = [
    "so",
    "therefore",
    "thus",
    "hence",
    "on",
    "ans",
    "final",
    "result",
    "solution",
    "a",
    "an",
    "the",
    "is",
    "are",
    "it",
    "its",
    "of",
    "there",
    "this",
    "that",
    "answer",
];

/// Groups of phrases that mean the same.
const SAME: [&[&str]; 8] = [
    &[
        "does not exist",
        "dne",
        "do not exist",
        "doesnt exist",
        "not exist",
        "undefined",
        "not defined",
    ],
    &[
        "no solution",
        "no solutions",
        "none",
        "no real solution",
        "no real solutions",
        "∅",
        "empty set",
        "no such",
        "no roots",
        "no real roots",
    ],
    &["ℝ", "all real numbers", "all reals", "real numbers", "all real values", "any real number"],
    &["yes", "true"],
    &["no", "false"],
    &["negative infinity", "minus infinity", "-infinity", "-∞"],
    &[
        "infinity",
        "positive infinity",
        "plus infinity",
        "+infinity",
        "+∞",
        "diverges to infinity",
        "infinite",
        "infinitely many",
        "∞",
        "infinitely many solutions",
    ],
    &["degrees", "degree"],
];

/// Marks that only set a text.
const DROPPED: [&str; 12] =
    ["\\left", "\\right", "\\,", "\\;", "\\!", "\\:", "\\ ", "\\quad", "$", "\\(", "\\)", "~"];

/// A text without white space and the marks that only set it.
pub(crate) fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim().trim_end_matches('.');
    // A space, or a mark that is one, was left out before the next character.
    let mut gap = false;
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.');
    while let Some(c) = rest.chars().next() {
        let marked = matches!(c, '\\' | '$' | '~');
        if marked && let Some(mark) = DROPPED.iter().find(|mark| rest.starts_with(**mark)) {
            // \leftarrow and the like are other commands.
            let after = rest[mark.len()..].chars().next();
            let longer = mark.len() > 2 && after.is_some_and(|c| c.is_ascii_alphabetic());
            if !longer {
                gap |= !matches!(*mark, "$" | "\\left" | "\\right");
                rest = &rest[mark.len()..];
                continue;
            }
        }
        if rest.starts_with("\\dfrac") || rest.starts_with("\\tfrac") {
            out.push_str("\\frac");
            rest = &rest[6..];
            gap = false;
            continue;
        }
        if c.is_whitespace() {
            gap = true;
        } else {
            // Digits apart are other digits than digits together, and so with commas.
            if gap && numeric(c) && out.ends_with(numeric) {
                out.push(' ');
            }
            gap = false;
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// The letters, digits and signs of a text in lower case, words separated by single blanks.
pub(crate) fn plain_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let name = rest[1..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let command = &rest[1..=name];
            let font = command.starts_with("text")
                || command.starts_with("math")
                || matches!(
                    command,
                    "mbox" | "left" | "right" | "quad" | "operatorname" | "rm" | "bf"
                );
            match command {
                "emptyset" | "varnothing" => out.push('∅'),
                "infty" => out.push('∞'),
                _ if font => {}
                _ => out.push_str(command),
            }
            out.push(' ');
            let symbol =
                if name == 0 { rest[1..].chars().next().map_or(0, char::len_utf8) } else { name };
            rest = &rest[1 + symbol..];
            continue;
        }
        if c.is_alphanumeric() || "+-=<>/^_∅ℝ∞".contains(c) {
            out.extend(c.to_lowercase());
        } else if c != '\'' && c != '’' {
            out.push(' ');
        }
        rest = &rest[c.len_utf8()..];
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A weekday or a month in full.
fn full(word: &str) -> &str {
    // Mondays.
    let word =
        word.strip_suffix('s').filter(|day| day.len() > 5 && day.ends_with("day")).unwrap_or(word);
    match word {
        "mon" => "monday",
        "tue" | "tues" => "tuesday",
        "wed" => "wednesday",
        "thu" | "thur" | "thurs" => "thursday",
        "fri" => "friday",
        "sat" => "saturday",
        "sun" => "sunday",
        "jan" => "january",
        "feb" => "february",
        "mar" => "march",
        "apr" => "april",
        "jun" => "june",
        "jul" => "july",
        "aug" => "august",
        "sep" | "sept" => "september",
        "oct" => "october",
        "nov" => "november",
        "dec" => "december",
        other => other,
    }
}

/// Whether two texts have the same words, idle ones aside.
pub(crate) fn same_words(a: &str, b: &str) -> bool {
    let (a, b) = (plain_words(a), plain_words(b));
    // Without a letter there are no words, and digits apart are not digits together.
    let wordless = |text: &str| !text.chars().any(|c| c.is_alphabetic() || matches!(c, '∅' | '∞'));
    if wordless(&a) || wordless(&b) {
        return false;
    }
    if a == b {
        return !a.is_empty();
    }
    let kept = |text: &str| {
        let words = text.split(' ').filter(|word| !IDLE.contains(word)).map(full);
        words.collect::<Vec<_>>().join(" ")
    };
    let (short, other) = (kept(&a), kept(&b));
    if short == other && !short.is_empty() {
        return true;
    }
    SAME.iter().any(|group| {
        let within = |full: &str, short: &str| group.contains(&full) || group.contains(&short);
        within(&a, &short) && within(&b, &other)
    })
}

/// Whether words carry no meaning of their own.
pub(super) fn is_idle(words: &str) -> bool {
    words.split(' ').all(|word| IDLE.contains(&word))
}

/// Whether words after a number take it back.
pub(super) fn hedges(words: &str) -> bool {
    const HEDGES: [&str; 29] = [
        "not",
        "no",
        "maybe",
        "possibly",
        "perhaps",
        "wrong",
        "incorrect",
        "unless",
        "if",
        "except",
        "probably",
        "guess",
        "least",
        "most",
        "fewer",
        "more",
        "less",
        "than",
        "below",
        "under",
        "over",
        "root",
        "factorial",
        "minus",
        "plus",
        "times",
        "but",
        "between",
        "think",
    ];
    if words == "ish" || words.starts_with("or so") {
        return true;
    }
    !words.ends_with("below zero") && words.split(' ').any(|word| HEDGES.contains(&word))
}

/// Whether two texts are the same letters and signs.
pub(crate) fn same_text(a: &str, b: &str) -> bool {
    if a.trim() == b.trim() {
        return !a.trim().is_empty();
    }
    let (a, b) = (squeeze(a), squeeze(b));
    a == b && !a.is_empty()
}

/// The number that words spell.
pub(crate) fn spelled_number(words: &str) -> Option<Expr> {
    in_words(words).map(|value| Expr::Num(Num { value, decimal: None }))
}

/// Whether a text is mostly words.
pub(crate) fn is_prose(text: &str) -> bool {
    let plain = plain_words(text);
    let words: Vec<&str> = plain.split(' ').collect();
    let long = words
        .iter()
        .filter(|word| word.chars().count() >= 2 && word.chars().all(char::is_alphabetic))
        .count();
    long * 2 >= words.len() && long > 0
}

//! The normal form in which problems are compared, without what does not change their meaning.

use std::hash::{DefaultHasher, Hash, Hasher};

/// LaTeX commands for the size of something.
const SPACING: [&str; 12] = [
    "left",
    "right",
    "displaystyle",
    "textstyle",
    "limits",
    "quad",
    "qquad",
    ",",
    ";",
    "!",
    ":",
    " ",
];

/// Writes the normal form of a text into a buffer.
///
/// White space, dollars, spacing, the shape of quotes and dashes, punctuation at the end and
/// capitals of Latin words are left out. Single letters keep their case: `a` and `A` may be two things.
pub(crate) fn normal(text: &str, out: &mut String) {
    out.clear();
    let mut rest = text;
    let mut spaced = false;
    while let Some(&first) = rest.as_bytes().first() {
        match first {
            b'a'..=b'z' | b'A'..=b'Z' => {
                let end = rest.bytes().position(|byte| !byte.is_ascii_alphabetic());
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                rest = after;
                space(out, &mut spaced);
                let from = out.len();
                out.push_str(word);
                if word.len() > 2 {
                    out[from..].make_ascii_lowercase();
                }
            }
            b'\\' => {
                let (command, after) = command(&rest[1..]);
                rest = after;
                if SPACING.contains(&command) {
                    spaced = true;
                    continue;
                }
                space(out, &mut spaced);
                out.push('\\');
                out.push_str(match command {
                    "dfrac" | "tfrac" => "frac",
                    "cdot" | "times" => "times",
                    other => other,
                });
            }
            b'$' | b' ' | b'\t'..=b'\r' => {
                rest = &rest[1..];
                spaced = true;
            }
            0..=0x7f => {
                rest = &rest[1..];
                space(out, &mut spaced);
                out.push(if first == b'"' { '\'' } else { char::from(first) });
            }
            0x80.. => {
                let other = rest.chars().next().unwrap_or_default();
                rest = &rest[other.len_utf8()..];
                if other.is_whitespace() {
                    spaced = true;
                    continue;
                }
                space(out, &mut spaced);
                match other {
                    '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => out.push('\''),
                    '\u{2212}' | '\u{2013}' | '\u{2014}' => out.push('-'),
                    other => out.push(other),
                }
            }
        }
    }
    let end = out.trim_end_matches(['.', '?', '!', ':', ';', ',', ' ']).len();
    out.truncate(end);
}

/// A hash of a normal form, the same on every machine.
pub(crate) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

fn space(out: &mut String, spaced: &mut bool) {
    if *spaced && !out.is_empty() {
        out.push(' ');
    }
    *spaced = false;
}

/// The command behind a backslash: letters, or one character.
fn command(text: &str) -> (&str, &str) {
    let letters = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let one = text.chars().next().map_or(0, char::len_utf8);
    text.split_at(letters.max(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        let mut out = String::new();
        normal(text, &mut out);
        out
    }

    #[test]
    fn the_same_problem_written_twice() {
        let same = [
            ("What is  6 * 7?", "what is 6 * 7 ?\n"),
            ("Find $\\dfrac{1}{2}$.", "Find \\frac{1}{2}"),
            ("Ann\u{2019}s ducks", "Ann's ducks."),
            ("$ x $ is", "$x$ is"),
            ("5 \u{2212} 3", "5 - 3"),
        ];
        for (a, b) in same {
            assert_eq!(of(a).replace(' ', ""), of(b).replace(' ', ""), "{a:?} {b:?}");
        }
        assert_eq!(of("What is  6 * 7?"), "what is 6 * 7");
    }

    #[test]
    fn two_problems_stay_two() {
        let different = [
            ("What is 6 * 7?", "What is 6 + 7?"),
            ("What is 3.5?", "What is 35?"),
            ("Find a.", "Find A."),
            ("In Kalm, what is 1 - 3 * 5?", "In Vorl, what is 1 - 3 * 5?"),
            ("x^2", "x_2"),
            ("1 2", "12"),
        ];
        for (a, b) in different {
            assert_ne!(of(a), of(b));
        }
    }

    #[test]
    fn any_text_has_a_normal_form() {
        for text in ["", "\\", "\\\u{e9}", "$$", "...", "\u{1f600}\\frac"] {
            let once = of(text);
            assert_eq!(of(&once), once, "{text:?}");
        }
    }
}

//! Answers in several parts: `(a) 3, (b) 5`.

/// The labels that parts may have, by kind.
const LABELS: [[&str; 5]; 3] =
    [["a", "b", "c", "d", "e"], ["i", "ii", "iii", "iv", "v"], ["1", "2", "3", "4", "5"]];

/// What may stand around a part: marks that only set it, and what separates it from the next.
const BEFORE: [&str; 6] = ["}", ":", ".", "\\ ", "~", "\\;"];
const AFTER: [&str; 16] = [
    "\\text{",
    "\\textbf{",
    "\\mathrm{",
    "\\quad",
    "\\qquad",
    "\\\\",
    "\\ ",
    "\\,",
    "\\;",
    ",",
    ";",
    ".",
    "and",
    "part",
    "Part",
    "(",
];

/// The parts of an answer, in order; nothing if it has no labels from the first on.
pub(crate) fn parts(text: &str) -> Option<Vec<String>> {
    if !text.contains(')') || text.len() > 2_000 {
        return None;
    }
    LABELS.iter().find_map(|labels| split(text, labels))
}

fn split(text: &str, labels: &[&str]) -> Option<Vec<String>> {
    let mut at = label(text, labels[0], 0)?;
    // Nothing but marks before the first label.
    if !cleaned(&text[..at.0], &AFTER, &[]).trim_matches(['{', ' ', '$']).is_empty() {
        return None;
    }
    let mut found = Vec::new();
    for next in &labels[1..] {
        let Some(end) = label(text, next, at.1) else { break };
        found.push(part(&text[at.1..end.0])?);
        at = end;
    }
    found.push(part(&text[at.1..])?);
    (found.len() >= 2).then_some(found)
}

/// Where a label starts and ends: `(a)` or `a)`, not inside a word or a call.
fn label(text: &str, name: &str, from: usize) -> Option<(usize, usize)> {
    let mark = format!("{name})");
    let mut start = from;
    loop {
        let at = start + text[start..].find(&mark)?;
        let open = text[..at].ends_with('(') && at > from;
        let begins = if open { at - 1 } else { at };
        let before = text[..begins].chars().next_back();
        if before.is_none_or(|c| " {,;.\n:$}\\~".contains(c)) {
            return Some((begins, at + mark.len()));
        }
        start = at + mark.len();
    }
}

/// A part without what stands around it; nothing if nothing is left or its braces do not match.
fn part(text: &str) -> Option<String> {
    let mut value = cleaned(text, &AFTER, &BEFORE);
    let open = value.matches('{').count();
    let closed = value.matches('}').count();
    for _ in open..closed {
        value = value.strip_suffix('}')?.trim_end();
    }
    (!value.is_empty() && value.matches('{').count() == value.matches('}').count())
        .then(|| value.to_owned())
}

fn cleaned<'a>(text: &'a str, after: &[&str], before: &[&str]) -> &'a str {
    let mut value = text.trim();
    loop {
        let length = value.len();
        for mark in after {
            value = value.strip_suffix(mark).unwrap_or(value).trim_end();
        }
        for mark in before {
            value = value.strip_prefix(mark).unwrap_or(value).trim_start();
        }
        if value.len() == length {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_split_at_their_labels() {
        for (text, expected) in [
            ("(a) 3, (b) 5", vec!["3", "5"]),
            (r"\text{(a) } 3 \quad \text{(b) } \frac{1}{2}", vec!["3", r"\frac{1}{2}"]),
            ("a) 3; b) 5; c) 7", vec!["3", "5", "7"]),
            (r"\text{(i) } x \text{ and (ii) } y", vec!["x", "y"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(parts(text), Some(expected), "{text}");
        }
        for text in ["(a)(b)", "f(a)+f(b)", "(a) 3", "3 (a) 5 (b) 6", "(b) 3, (a) 5"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}

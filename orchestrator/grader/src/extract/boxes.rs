//! The boxes of a response: `\boxed{..}`, `\fbox{..}`, `\boxed x`.

use memchr::{memmem, memrchr};

/// What the scan for boxes found.
pub(super) struct Boxes<'a> {
    /// The last complete box and the ones that stand side by side with it, first to last.
    pub(super) contents: Vec<&'a str>,
    /// Whether the last box that was begun is never ended.
    pub(super) unclosed: bool,
    /// Where the last box ends, if it has nothing in it.
    pub(super) empty: Option<usize>,
}

/// A box: where its command starts and where its content lies.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    content: (usize, usize),
    end: usize,
}

/// What a brace that is open belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Opened {
    Group,
    Box { start: usize },
    Phantom,
}

/// The words that may stand between the parts of one answer, besides mathematics.
const CONNECTIVES: [&str; 27] = [
    "and",
    "or",
    "for",
    "part",
    "parts",
    "case",
    "the",
    "first",
    "second",
    "a",
    "b",
    "c",
    "maybe",
    "possibly",
    "perhaps",
    "either",
    "else",
    "otherwise",
    "alternatively",
    "also",
    "text",
    "quad",
    "qquad",
    "mathrm",
    "textbf",
    "mbox",
    "respectively",
];

/// The content of all boxes of a text that stand side by side at its end, for gold answers.
pub(crate) fn boxed(text: &str) -> Vec<&str> {
    last_boxes(text).contents
}

/// The contents of boxes that answer labelled parts, `(a)` first, with their labels.
pub(crate) fn labelled(text: &str) -> Option<String> {
    let boxes = scan(text).boxes;
    let first = boxes.len().saturating_sub(5);
    // The last run of boxes whose labels start with (a).
    (first..boxes.len()).find_map(|start| {
        ["abcde", "12345"].iter().find_map(|labels| labelled_by(text, &boxes, start, labels))
    })
}

/// The contents of the boxes from one on, if each has its label before it.
fn labelled_by(text: &str, boxes: &[Span], start: usize, labels: &str) -> Option<String> {
    let mut parts = Vec::new();
    let mut before = start.checked_sub(1).map_or(0, |at| boxes[at].end);
    for (found, label) in boxes[start..].iter().zip(labels.chars()) {
        let gap = text[before..found.start].to_ascii_lowercase();
        let named = [format!("({label})"), format!("part {label}"), format!(" {label})")];
        // A numbered list: "1. ..." at the start of a line.
        let numbered = label.is_ascii_digit()
            && gap.lines().any(|line| {
                line.trim_start_matches(['*', ' '])
                    .strip_prefix(label)
                    .is_some_and(|rest| rest.starts_with(['.', ')']))
            });
        if !numbered && !named.iter().any(|name| gap.contains(name.as_str())) {
            return None;
        }
        let content = text[found.content.0..found.content.1].trim();
        parts.push(format!("({label}) {content}"));
        before = found.end;
    }
    (parts.len() >= 2).then(|| parts.join(", "))
}

/// Finds the last complete boxes of a text.
pub(super) fn last_boxes(text: &str) -> Boxes<'_> {
    let scan = scan(text);
    let filled: Vec<Span> = scan
        .boxes
        .iter()
        .copied()
        .filter(|found| !is_placeholder(&text[found.content.0..found.content.1]))
        .collect();
    let mut contents = Vec::new();
    let mut later: Option<Span> = None;
    for found in filled.iter().rev() {
        if later.is_some_and(|later| !is_connective(&text[found.end..later.start])) {
            break;
        }
        contents.push(text[found.content.0..found.content.1].trim());
        later = Some(*found);
    }
    contents.reverse();
    contents.dedup();
    if let Some(last) = filled.last()
        && let Some(other) = alternative(&text[last.end..])
    {
        contents.push(other);
    }
    let last_end = scan.boxes.last().map_or(0, |found| found.end);
    let unclosed = scan.unclosed.is_some_and(|start| start >= last_end);
    let empty =
        scan.boxes.last().is_some_and(|last| is_placeholder(&text[last.content.0..last.content.1]));
    // A box that is cut off or empty takes the earlier ones back.
    if unclosed || empty {
        contents.clear();
    }
    Boxes { contents, unclosed, empty: empty.then_some(last_end) }
}

struct Scan {
    boxes: Vec<Span>,
    unclosed: Option<usize>,
}

/// Where the first line with a box starts: groups that are open before it are closed by nothing.
fn start_of_boxes(text: &str) -> usize {
    let Some(first) = memmem::find(text.as_bytes(), b"box") else { return text.len() };
    let before = &text.as_bytes()[..first];
    if memmem::find(before, b"phantom").is_some() {
        return 0;
    }
    memrchr(b'\n', before).map_or(0, |at| at + 1)
}

/// One pass over the braces of a text.
fn scan(text: &str) -> Scan {
    let bytes = text.as_bytes();
    let mut boxes: Vec<Span> = Vec::new();
    let mut open: Vec<(usize, Opened)> = Vec::new();
    let mut phantoms = 0_usize;
    let mut at = start_of_boxes(text);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                // Doubled by some layer of escaping.
                if text[at + 1..].starts_with("\\boxed") || text[at + 1..].starts_with("\\fbox") {
                    at += 1;
                    continue;
                }
                let name = command(&text[at + 1..]);
                let after = at + 1 + name.len();
                let opened = match name {
                    "boxed" | "fbox" | "framebox" => Opened::Box { start: at },
                    "phantom" | "vphantom" | "hphantom" => Opened::Phantom,
                    _ => {
                        // A control symbol such as \{ is two bytes at least; keep to characters.
                        at = if name.is_empty() { next_char(text, at + 1) } else { after };
                        continue;
                    }
                };
                let brace = skip_spaces(bytes, after);
                if bytes.get(brace) == Some(&b'{') {
                    if opened == Opened::Phantom {
                        phantoms += 1;
                    }
                    open.push((brace, opened));
                    at = brace + 1;
                } else {
                    if let Opened::Box { start } = opened
                        && phantoms == 0
                        && brace > after
                    {
                        let end = brace + bare(&text[brace..]);
                        if end > brace {
                            boxes.push(Span { start, content: (brace, end), end });
                        }
                    }
                    at = after;
                }
            }
            // The rest of a line that starts with a percent sign is a comment.
            b'%' if text[..at].trim_end_matches([' ', '\t']).ends_with('\n') || at == 0 => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
            }
            b'{' => {
                open.push((at, Opened::Group));
                at += 1;
            }
            b'}' => {
                match open.pop() {
                    Some((brace, Opened::Box { start })) if phantoms == 0 => {
                        // Boxes inside this one are part of its content.
                        while boxes.last().is_some_and(|inner| inner.start > start) {
                            boxes.pop();
                        }
                        boxes.push(Span { start, content: (brace + 1, at), end: at + 1 });
                    }
                    Some((_, Opened::Phantom)) => phantoms -= 1,
                    _ => {}
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    let unclosed = open.iter().rev().find_map(|(_, opened)| match opened {
        Opened::Box { start } => Some(*start),
        _ => None,
    });
    Scan { boxes, unclosed }
}

/// The letters of a command's name.
fn command(text: &str) -> &str {
    let end = text.bytes().position(|b| !b.is_ascii_alphabetic()).unwrap_or(text.len());
    &text[..end]
}

fn next_char(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(text.len(), |c| at + c.len_utf8())
}

fn skip_spaces(bytes: &[u8], from: usize) -> usize {
    let spaces = bytes[from..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    from + spaces
}

/// The length of the content of a box without braces.
fn bare(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || "$\\,;)]".contains(c)).unwrap_or(text.len());
    let content = text[..end].trim_end_matches(['.', ':']);
    // A word after the bare command speaks about boxes.
    let word = content.len() > 1 && content.bytes().all(|b| b.is_ascii_alphabetic());
    if word { 0 } else { content.len() }
}

/// Whether a box has no answer in it: it is empty or quotes the instruction of the prompt.
fn is_placeholder(content: &str) -> bool {
    let content = content.trim();
    if content.len() > 40 || content.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    let plain: String = content
        .trim_start_matches("\\text")
        .chars()
        .filter(|c| !"{}$ ".contains(*c))
        .flat_map(char::to_lowercase)
        .collect();
    matches!(
        plain.as_str(),
        "" | "..."
            | "…"
            | "\\ldots"
            | "\\dots"
            | "\\cdots"
            | "answer"
            | "youranswer"
            | "finalanswer"
            | "youransweranswerhere"
            | "answerhere"
            | "youranswerhere"
            | "\\cdot"
    )
}

/// Whether the text between two boxes only joins them into one answer.
fn is_connective(gap: &str) -> bool {
    if gap.len() > 120 {
        return false;
    }
    let mut rest = gap;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_alphabetic() {
            let word = command(rest);
            let after = &rest[word.len()..];
            let label = after.trim_start_matches(|c: char| {
                c == '_' || c == '{' || c == '}' || c == ' ' || c.is_ascii_digit()
            });
            let names_a_value = word.len() == 1 && label.starts_with('=');
            if names_a_value {
                rest = &label[1..];
                continue;
            }
            if !CONNECTIVES.contains(&word.to_ascii_lowercase().as_str()) {
                return false;
            }
            rest = after;
        } else if c.is_whitespace() || "$\\()[]{},;&.+*_!~^、，和或".contains(c) {
            rest = &rest[c.len_utf8()..];
        } else {
            return false;
        }
    }
    true
}

/// Another answer that the text after the last box offers: "or 43".
fn alternative(after: &str) -> Option<&str> {
    let rest = after
        .strip_prefix("\\)")
        .or_else(|| after.strip_prefix("\\]"))
        .unwrap_or(after)
        .trim_start_matches(['$', ' ', ',', '(', '\n']);
    let rest = rest.strip_prefix("or ")?;
    let rest = rest.trim_start_matches("possibly ").trim_start_matches("maybe ");
    let first = rest.chars().next()?;
    if !(first.is_ascii_digit() || "$-\\".contains(first)) {
        return None;
    }
    let text = super::sentence::sentence(rest).trim_matches(['$', ')', ' ', '(', '*']);
    (!text.is_empty() && text.len() < 80).then_some(text)
}

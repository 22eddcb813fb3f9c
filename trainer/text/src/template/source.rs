//! Rewrites templates for transformers into templates for minijinja.
//!
//! Two things differ. `{% generation %}` marks the assistant's text, which is not used here:
//! it becomes a plain scope. And `%` formats strings in Python: it becomes the filter
//! [`MODULO`], which checks its operands.

use std::ops::Range;

/// The filter that replaces `%`.
pub(super) const MODULO: &str = "python_modulo";

/// A token of an expression and its position.
struct Token {
    kind: Kind,
    at: Range<usize>,
}

/// A piece of the source and its replacement.
type Edit = (Range<usize>, String);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A name, a keyword or a number.
    Word,
    Text,
    Open,
    Close,
    Other,
}

/// Replaces the parts of the source that minijinja does not know.
pub(super) fn translate(source: &str) -> String {
    // Jinja reads all line ends as `\n`.
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut written = String::with_capacity(source.len());
    let mut from = 0;
    while let Some(start) = source[from..].find('{').map(|found| from + found) {
        written.push_str(&source[from..start]);
        let (end, edits) = match source.as_bytes().get(start + 1) {
            Some(b'#') => (end_of(&source, start, "#}"), vec![]),
            Some(b'{') => {
                let (tokens, end) = tokens(&source, start + 2, "}}");
                (end, modulos(&source, &tokens))
            }
            Some(b'%') => statement(&source, start + 2),
            _ => (start + 1, vec![]),
        };
        written.push_str(&edited(&source[..end], start, edits));
        from = end;
    }
    written.push_str(&source[from..]);
    written
}

/// The end of a statement (of a raw block, the end of its content), and the replacements in it.
fn statement(source: &str, start: usize) -> (usize, Vec<Edit>) {
    let (tokens, end) = tokens(source, start, "%}");
    let alone = |name| matches!(&tokens[..], [one] if is(source, one, name));
    if alone("raw") {
        (end_of_raw(source, end), vec![])
    } else if alone("generation") {
        (end, vec![(tokens[0].at.clone(), "with".into())])
    } else if alone("endgeneration") {
        (end, vec![(tokens[0].at.clone(), "endwith".into())])
    } else {
        (end, modulos(source, &tokens))
    }
}

/// The end of `close` after `start`, or of the text.
fn end_of(source: &str, start: usize, close: &str) -> usize {
    source[start..].find(close).map_or(source.len(), |found| start + found + close.len())
}

/// The start of the tag that ends a raw block.
fn end_of_raw(source: &str, start: usize) -> usize {
    let is_end = |&(at, _): &(usize, &str)| {
        let inside = source[at + 2..].trim_start_matches(['-', '+']).trim_start();
        inside.starts_with("endraw")
    };
    source[start..]
        .match_indices("{%")
        .map(|(at, tag)| (start + at, tag))
        .find(is_end)
        .map_or(source.len(), |(at, _)| at)
}

/// The tokens from `start` to the matching `close`, and where that ends.
fn tokens(source: &str, start: usize, close: &str) -> (Vec<Token>, usize) {
    let mut tokens = Vec::new();
    let sign = |at: usize| usize::from(source[at..].starts_with(['-', '+']));
    let (mut at, mut depth) = (start + sign(start), 0_usize);
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let past_sign = at + sign(at);
        if depth == 0 && source[past_sign..].starts_with(close) {
            return (tokens, past_sign + close.len());
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (kind, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '\'' | '"' => (Kind::Text, quoted(rest, first)),
            c if is_word(c) => (Kind::Word, rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())),
            '(' | '[' | '{' => (Kind::Open, 1),
            ')' | ']' | '}' => (Kind::Close, 1),
            _ if rest.starts_with("**") || rest.starts_with("//") => (Kind::Other, 2),
            c => (Kind::Other, c.len_utf8()),
        };
        match kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens.push(Token { kind, at: at..at + length });
        at += length;
    }
    (tokens, source.len())
}

/// The length of a string literal with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn is(source: &str, token: &Token, text: &str) -> bool {
    &source[token.at.clone()] == text
}

/// Each `a % b` of an expression becomes `a|python_modulo(b)`.
fn modulos(source: &str, tokens: &[Token]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.kind != Kind::Other || !is(source, token, "%") {
            continue;
        }
        let Some(left) = operand_before(source, tokens, index) else { continue };
        // A filter binds tighter than a sign before it: such operands are numbers.
        let binds =
            |token: &Token| ["*", "/", "//", "%", "**", "-"].iter().any(|s| is(source, token, s));
        if left > 0 && binds(&tokens[left - 1]) {
            continue;
        }
        let Some(right) = operand_after(source, tokens, index) else { continue };
        edits.push((token.at.clone(), format!("|{MODULO}(")));
        let end = tokens[right].at.end;
        edits.push((end..end, ")".into()));
    }
    edits.sort_by_key(|(at, _)| at.start);
    edits
}

/// The first token of the operand that ends before `index`: a literal, name or bracket with what is
/// called, indexed or filtered on it.
fn operand_before(source: &str, tokens: &[Token], index: usize) -> Option<usize> {
    let mut at = index.checked_sub(1)?;
    loop {
        at = match tokens[at].kind {
            Kind::Close => opening(tokens, at)?,
            Kind::Text | Kind::Word => at,
            Kind::Open | Kind::Other => return None,
        };
        let Some(before) = at.checked_sub(1) else { return Some(at) };
        let previous = &tokens[before];
        let joined = tokens[at].kind != Kind::Word && previous.kind != Kind::Other;
        if joined && previous.kind != Kind::Open {
            at = before;
        } else if is(source, previous, ".") || is(source, previous, "|") {
            at = before.checked_sub(1)?;
        } else {
            return Some(at);
        }
    }
}

/// The last token of the operand that begins after `index`.
fn operand_after(source: &str, tokens: &[Token], index: usize) -> Option<usize> {
    let mut at = index + 1;
    while is(source, tokens.get(at)?, "-") || is(source, tokens.get(at)?, "+") {
        at += 1;
    }
    at = match tokens.get(at)?.kind {
        Kind::Open => closing(tokens, at)?,
        Kind::Text | Kind::Word => at,
        Kind::Close | Kind::Other => return None,
    };
    while let Some(next) = tokens.get(at + 1) {
        at = match next.kind {
            Kind::Open => closing(tokens, at + 1)?,
            Kind::Text if tokens[at].kind == Kind::Text => at + 1,
            Kind::Other if is(source, next, ".") || is(source, next, "|") => at + 2,
            _ => break,
        };
    }
    (at < tokens.len()).then_some(at)
}

fn opening(tokens: &[Token], close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    (0..=close).rev().find(|&at| {
        match tokens[at].kind {
            Kind::Close => depth += 1,
            Kind::Open => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    (open..tokens.len()).find(|&at| {
        match tokens[at].kind {
            Kind::Open => depth += 1,
            Kind::Close => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// The text from `from` on with pieces replaced.
fn edited(source: &str, from: usize, edits: Vec<Edit>) -> String {
    let (mut written, mut from) = (String::new(), from);
    for (at, text) in edits {
        written.push_str(&source[from..at.start]);
        written.push_str(&text);
        from = at.end;
    }
    written.push_str(&source[from..]);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_is_a_scope() {
        let source = "{%- generation -%}a{% endgeneration %}{% if generation %}b{% endif %}";
        let expected = "{%- with -%}a{% endwith %}{% if generation %}b{% endif %}";
        assert_eq!(translate(source), expected);
    }

    #[test]
    fn a_percent_sign_is_a_filter() {
        let cases = [
            ("{{ '%s' % x }}", "{{ '%s' |python_modulo( x) }}"),
            ("{{ a.b[0](1)|f % (x, y) ~ 'z' }}", "{{ a.b[0](1)|f |python_modulo( (x, y)) ~ 'z' }}"),
            ("{% if loop.index0 % 2 == 1 %}", "{% if loop.index0 |python_modulo( 2) == 1 %}"),
            ("{{ (a % b) % -c.d(e) }}", "{{ (a |python_modulo( b)) |python_modulo( -c.d(e)) }}"),
            // Numbers: the sign stays.
            ("{{ a * b % c }}", "{{ a * b % c }}"),
            ("{{ -a % c }}", "{{ -a % c }}"),
        ];
        for (source, expected) in cases {
            assert_eq!(translate(source), expected);
        }
    }

    #[test]
    fn all_else_stays() {
        let sources = [
            "100 % {safe} {{ '{% generation %} % }}' }} {# {% generation %} a % b #}",
            "{% raw %}{% generation %}{{ a % b }}{% endraw %}{{ {'a': {'b': 1}} }}",
            "{% for x in y -%} x{%- endfor +%} {{ unclosed",
            "{% set é = '\\'%' %}",
            "{",
        ];
        for source in sources {
            assert_eq!(translate(source), source);
        }
        assert_eq!(translate("a\r\nb\rc"), "a\nb\nc");
    }
}

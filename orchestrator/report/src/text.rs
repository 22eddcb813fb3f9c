//! Text of models and data sets on a page: always text, never markup, with nothing hidden.
//!
//! The template engine escapes markup. In addition, characters that are invisible or change the reading
//! direction are shown as their code points.

use maud::{Markup, PreEscaped, Render, html};

/// Renders a text, as about `bytes` of markup at most.
pub fn shown(text: &str, bytes: usize) -> Shown {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    let mut taken = 0;
    while out.len() < bytes
        && let Some(c) = rest.next()
    {
        taken += 1;
        if !hidden(c) {
            c.render_escaped(&mut out);
            continue;
        }
        let mut times = 1;
        while rest.next_if_eq(&c).is_some() {
            times += 1;
        }
        taken += times - 1;
        let code = format!("U+{:04X}", u32::from(c));
        let code = if times == 1 { code } else { format!("{code} ×{times}") };
        html! { span.code { (code) } }.render_to(&mut out);
    }
    let left = text.chars().skip(taken).count();
    Shown { markup: PreEscaped(out), left }
}

/// A text, rendered for a page.
pub struct Shown {
    /// The beginning of it.
    pub markup: Markup,
    /// Characters that were omitted.
    pub left: usize,
}

/// A short text in a line: an answer, the name of a problem.
pub fn line(text: &str) -> Markup {
    let Shown { markup, left } = shown(text, LINE);
    html! { bdi { (markup) @if left > 0 { "…" } } }
}

/// Most bytes of a text in a line.
const LINE: usize = 160;

trait RenderChar {
    fn render_escaped(self, out: &mut String);
}

impl RenderChar for char {
    fn render_escaped(self, out: &mut String) {
        self.encode_utf8(&mut [0; 4]).render_to(out);
    }
}

/// Whether a character is invisible, or changes how others are displayed.
fn hidden(c: char) -> bool {
    if c.is_control() {
        return c != '\n' && c != '\t';
    }
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markup(text: &str) -> String {
        shown(text, 10_000).markup.into_string()
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(markup("<script>\"&'</script>"), "&lt;script&gt;&quot;&amp;'&lt;/script&gt;");
        assert_eq!(markup("a\n\tb"), "a\n\tb");
    }

    #[test]
    fn what_is_hidden_is_shown() {
        assert_eq!(markup("a\u{202e}b"), "a<span class=\"code\">U+202E</span>b");
        assert_eq!(
            markup("\u{200b}\u{200b}\0"),
            "<span class=\"code\">U+200B ×2</span><span class=\"code\">U+0000</span>"
        );
        assert_eq!(markup("\u{e0041}"), "<span class=\"code\">U+E0041</span>");
    }

    #[test]
    fn long_texts_are_cut() {
        for text in
            ["x".repeat(1_000_000), "\u{200b}\u{200c}".repeat(500_000), "<".repeat(1_000_000)]
        {
            let shown = shown(&text, 4000);
            assert!(shown.markup.0.len() < 4100, "{}", shown.markup.0.len());
            assert!(shown.left > 900_000);
        }
        assert_eq!(shown("short", 4000).left, 0);
    }
}

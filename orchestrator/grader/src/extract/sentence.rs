//! Where words and sentences end.

/// Whether a byte can be part of a word.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// The text up to the end of its sentence.
pub(super) fn sentence(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        let next = bytes.get(at + c.len_utf8()).copied();
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '。' | '！' | '؟' => return &text[..at],
            '.' | '!' | '?' if depth == 0 => {
                let ends = next.is_none_or(|b| b.is_ascii_whitespace() || b == b'*');
                // The stop of "p.m." ends no sentence.
                let short = at >= 2 && bytes[at - 2] == b'.' || next == Some(b'.');
                if ends && !short {
                    return &text[..at];
                }
            }
            '\n' if depth == 0 && next == Some(b'\n') && !text[..at].trim().is_empty() => {
                return &text[..at];
            }
            _ => {}
        }
    }
    text
}

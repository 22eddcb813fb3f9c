//! Texts of single tokens, for answers that list them.

use retrial_text::Text;

/// The text of every token id.
pub struct TokenTexts(Vec<Box<str>>);

impl TokenTexts {
    /// Decodes the ids below `count` one by one.
    pub fn new(text: &Text, count: usize) -> Self {
        Self((0..count as u32).map(|id| token_text(text, id).into()).collect())
    }

    /// The text of one token; empty for a part of a character, as in vLLM.
    pub fn get(&self, id: u32) -> &str {
        self.0.get(id as usize).map_or("", |text| text)
    }
}

fn token_text(text: &Text, id: u32) -> String {
    let decoded = text.decode(&[id]).unwrap_or_default();
    if decoded.is_empty() {
        // A special token.
        text.token(id).unwrap_or_default()
    } else if decoded.ends_with('\u{fffd}') {
        String::new()
    } else {
        decoded
    }
}

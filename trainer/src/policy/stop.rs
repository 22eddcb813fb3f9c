//! Stop strings: the text of a response is followed token by token, and searched where it grew.

use retrial_text::Text;

/// Watches one response for stop strings.
pub struct StopSearch {
    strings: Vec<String>,
    text: String,
    // Tokens up to `read` are in `text`; those from `context` on are decoded with the new ones,
    // because a decoder may treat the first token of a text in its own way.
    context: usize,
    read: usize,
}

impl StopSearch {
    /// Watches for any of `strings`.
    pub fn new(strings: Vec<String>) -> Self {
        Self { strings, text: String::new(), context: 0, read: 0 }
    }

    /// Takes notice of the last of `tokens`, all of the response so far. Returns the first of the
    /// strings, in the order given, that the response now contains.
    pub fn check(&mut self, tokens: &[u32], text: &Text) -> Option<&str> {
        // Ids were sampled from the model's vocabulary; what a tokenizer cannot decode has no text.
        let decode = |ids: &[u32]| text.decode(ids).unwrap_or_default();
        let known = decode(&tokens[self.context..self.read]);
        let longer = decode(&tokens[self.context..]);
        // Part of a character waits for the rest of it.
        if longer.len() <= known.len() || longer.ends_with('\u{fffd}') {
            return None;
        }
        let Some(new) = longer.get(known.len()..) else { return None };
        let before = self.text.len();
        self.text.push_str(new);
        self.context = self.read;
        self.read = tokens.len();
        let text = &self.text;
        self.strings.iter().map(String::as_str).find(|stop| {
            // A match may begin in the old text, and ends in the new.
            let mut start = (before + 1).saturating_sub(stop.len());
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            text[start..].contains(stop)
        })
    }
}

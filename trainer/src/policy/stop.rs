//! Stop strings: the response is decoded token by token, and the new text searched.

use retrial_text::Text;

/// Watches one response for stop strings.
pub struct StopSearch {
    strings: Vec<String>,
    text: String,
    // Tokens up to `read` are in `text`; those from `context` on are decoded with the new ones,
    // because a decoder may treat the first token of a text differently.
    context: usize,
    read: usize,
}

impl StopSearch {
    /// Watches for any of `strings`.
    pub fn new(strings: Vec<String>) -> Self {
        Self { strings, text: String::new(), context: 0, read: 0 }
    }

    /// Reads the last of `tokens`, which are the response so far. Returns the first of the
    /// strings, in the order given, that the response now contains.
    pub fn check(&mut self, tokens: &[u32], text: &Text) -> Option<&str> {
        // Sampled ids are in the vocabulary; what a tokenizer cannot decode has no text.
        let decode = |ids: &[u32]| text.decode(ids).unwrap_or_default();
        let known = decode(&tokens[self.context..self.read]);
        let longer = decode(&tokens[self.context..]);
        // An incomplete character waits for its remaining bytes.
        if longer.len() <= known.len() || longer.ends_with('\u{fffd}') {
            return None;
        }
        let new = longer.get(known.len()..)?;
        let before = self.text.len();
        self.text.push_str(new);
        self.context = self.read;
        self.read = tokens.len();
        let text = &self.text;
        self.strings.iter().map(String::as_str).find(|stop| {
            // A match may begin in the old text, but ends in the new.
            let mut start = (before + 1).saturating_sub(stop.len());
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            text[start..].contains(stop)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer whose tokens are letters and the two bytes of `é`.
    fn text() -> Text {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],
            "normalizer":null,"pre_tokenizer":null,"post_processor":null,
            "decoder":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false},
            "model":{"type":"BPE","vocab":{"a":0,"b":1,"c":2,"Ã":3,"©":4,"ab":5},"merges":[]}}"#;
        std::fs::write(folder.path().join("tokenizer.json"), tokenizer).unwrap();
        std::fs::write(folder.path().join("tokenizer_config.json"), "{}").unwrap();
        Text::load(folder.path()).unwrap()
    }

    /// Number of tokens after which a string was found, and which.
    fn found(strings: &[&str], tokens: &[u32]) -> Option<(usize, String)> {
        let text = text();
        let strings = strings.iter().map(|&stop| stop.to_owned()).collect();
        let mut search = StopSearch::new(strings);
        (1..=tokens.len()).find_map(|count| {
            let stop = search.check(&tokens[..count], &text)?;
            Some((count, stop.to_owned()))
        })
    }

    #[test]
    fn strings_are_found_when_their_last_token_comes() {
        type Case = (&'static [&'static str], &'static [u32], Option<(usize, &'static str)>);
        let cases: [Case; 8] = [
            (&["b"], &[0, 1, 2], Some((2, "b"))),
            (&["b"], &[0, 0, 2], None),
            // Over several tokens, and inside one.
            (&["abc"], &[0, 0, 1, 2], Some((4, "abc"))),
            (&["a"], &[2, 5], Some((2, "a"))),
            (&["bc"], &[5, 2], Some((2, "bc"))),
            // The first of the list, not of the text.
            (&["b", "a"], &[5], Some((1, "b"))),
            // A character of two tokens is found when it is complete.
            (&["é"], &[0, 3, 4, 1], Some((3, "é"))),
            (&["éa"], &[3, 4, 0], Some((3, "éa"))),
        ];
        for (strings, tokens, expected) in cases {
            let expected = expected.map(|(count, stop)| (count, stop.to_owned()));
            assert_eq!(found(strings, tokens), expected, "{strings:?} in {tokens:?}");
        }
    }

    #[test]
    fn part_of_a_character_does_not_hide_what_follows() {
        assert_eq!(found(&["b"], &[3, 0, 1]), Some((3, "b".into())));
        assert_eq!(found(&["b"], &[0, 3, 3, 1]), Some((4, "b".into())));
    }
}

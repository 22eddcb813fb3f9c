//! Text to token ids and back, with the tokenizer and the chat template of a Hugging Face folder.
//!
//! Prompts are tokenized once, here. Responses are never tokenized again: the sampled ids
//! are the ids that are trained on.

mod end;
mod error;
mod files;
mod prompting;
mod special;
mod template;

use std::path::Path;

use jiff::Zoned;
use tokenizers::Tokenizer;

pub use end::end_tokens;
pub use error::TextError;
pub use jiff::civil::DateTime;
pub use prompting::{Form, Message, Prompting};

use files::{invalid, read, read_json, read_json_if_there};
use special::SpecialTokens;
use template::ChatTemplate;

/// The tokenizer of a model folder and, if it has one, its chat template.
pub struct Text {
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
    special: SpecialTokens,
    end_tokens: Vec<u32>,
    prompting: Prompting,
}

/// The current local time.
pub fn now() -> DateTime {
    Zoned::now().datetime()
}

impl Text {
    /// Reads `tokenizer.json`, `tokenizer_config.json` and the chat template, in whichever file it is.
    /// Templates that ask for the date get today's.
    pub fn load(folder: &Path) -> Result<Self, TextError> {
        Self::load_at(folder, now())
    }

    /// As [`Text::load`], at a fixed time, so that prompts are the same on any day.
    pub fn load_at(folder: &Path, now: DateTime) -> Result<Self, TextError> {
        let path = folder.join("tokenizer.json");
        let mut tokenizer = parse(&read(&path)?).map_err(|error| invalid(&path, &error))?;
        let config = read_json(&folder.join("tokenizer_config.json"))?;
        let special = special::read(folder, &config)?;
        special.add_to(&mut tokenizer).map_err(tokenize)?;
        let own = special.get("eos_token").and_then(|token| tokenizer.token_to_id(token));
        let end_tokens = end_tokens(
            read_json_if_there(&folder.join("generation_config.json"))?.as_ref(),
            read_json_if_there(&folder.join("config.json"))?.as_ref(),
            own,
        );
        let template = match template::files::find(folder, &config)? {
            None => None,
            Some((path, source)) => {
                let failed =
                    |error| invalid(&path, &format!("its chat template does not compile: {error}"));
                Some(ChatTemplate::compile(&source, now).map_err(failed)?)
            }
        };
        Ok(Self { tokenizer, template, special, end_tokens, prompting: Prompting::default() })
    }

    /// The same tokenizer and template, with other settings of the prompt.
    #[must_use]
    pub fn with_prompting(self, prompting: Prompting) -> Self {
        Self { prompting, ..self }
    }

    /// The ids of `text`, without added special tokens.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        self.ids(text, false)
    }

    /// The text of `ids`, without special tokens.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TextError> {
        self.tokenizer.decode(ids, true).map_err(tokenize)
    }

    /// The text of one id, special tokens included.
    pub fn token(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    /// The id of a special or ordinary token.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// The end token for responses written for training: the tokenizer's, or
    /// the first that the model's configuration names.
    pub fn end_token(&self) -> Option<u32> {
        self.end_tokens.first().copied()
    }

    /// All tokens that end a response of the model.
    pub fn end_tokens(&self) -> &[u32] {
        &self.end_tokens
    }

    /// The prompt of a conversation as text; with `generation_prompt` it ends
    /// where the assistant's answer begins. Without a template, by [`Prompting::form`], it is the
    /// messages as plain text.
    pub fn render(
        &self,
        messages: &[Message],
        generation_prompt: bool,
    ) -> Result<String, TextError> {
        let messages = self.prompting.complete(messages);
        if self.prompting.form == Form::Plain {
            return Ok(prompting::plain(&messages));
        }
        let template = self.template.as_ref().ok_or(TextError::NoTemplate)?;
        let variables = &self.prompting.template_kwargs;
        template.render(&messages, generation_prompt, &self.special, variables)
    }

    /// The ids of a prompt of a conversation, which ends where the assistant's answer begins.
    pub fn conversation(&self, messages: &[Message]) -> Result<Vec<u32>, TextError> {
        let text = self.render(messages, true)?;
        // A template writes the special tokens itself; plain text gets those that the tokenizer adds, such
        // as the one at the beginning of a document.
        self.ids(&text, self.prompting.form == Form::Plain)
    }

    /// The ids of a prompt with one user message.
    pub fn prompt(&self, user: &str) -> Result<Vec<u32>, TextError> {
        self.conversation(&[Message::user(user)])
    }

    fn ids(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, TextError> {
        let encoding = self.tokenizer.encode_fast(text, add_special_tokens).map_err(tokenize)?;
        Ok(encoding.get_ids().to_vec())
    }
}

fn parse(tokenizer: &[u8]) -> tokenizers::Result<Tokenizer> {
    // The library panics if a decoder is invalid JSON.
    serde_json::from_slice::<serde_json::Value>(tokenizer)?;
    Tokenizer::from_bytes(tokenizer)
}

#[allow(clippy::needless_pass_by_value)] // used as a function value
fn tokenize(error: tokenizers::Error) -> TextError {
    TextError::Tokenize(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENIZER: &str = r#"{"version":"1.0","truncation":null,"padding":null,
        "added_tokens":[
          {"id":0,"content":"<|im_start|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
          {"id":1,"content":"<|im_end|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
        "normalizer":null,"pre_tokenizer":{"type":"Split","pattern":{"Regex":"."},"behavior":"Isolated","invert":false},
        "post_processor":null,"decoder":{"type":"Fuse"},
        "model":{"type":"WordLevel","vocab":{"<|im_start|>":0,"<|im_end|>":1,"u":2,"s":3,"e":4,"r":5,"\n":6,"4":7,"2":8,"?":9},"unk_token":"?"}}"#;
    const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\\n{{ m.content.strip() }}<|im_end|>\\n{% endfor %}{% if add_generation_prompt %}<|im_start|>{% endif %}";

    fn folder(config: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), TOKENIZER).unwrap();
        std::fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
        folder
    }

    fn text() -> Text {
        let config =
            format!(r#"{{"chat_template":"{TEMPLATE}","eos_token":{{"content":"<|im_end|>"}}}}"#);
        Text::load(folder(&config).path()).unwrap()
    }

    #[test]
    fn a_prompt_is_one_user_message_and_the_generation_prompt() {
        // Special tokens in the template become their own ids; `strip` is Python's.
        let ids = text().prompt(" 42 ").unwrap();
        assert_eq!(ids, [0, 2, 3, 4, 5, 6, 7, 8, 1, 6, 0]);
    }

    #[test]
    fn decoding_leaves_special_tokens_out() {
        let text = text();
        assert_eq!(text.decode(&[7, 8, 1]).unwrap(), "42");
        assert_eq!(text.end_token(), Some(1));
    }

    #[test]
    fn a_folder_without_a_template_says_so_when_one_is_needed() {
        let text = Text::load(folder("{}").path()).unwrap();
        assert!(matches!(text.prompt("4"), Err(TextError::NoTemplate)));
        assert_eq!(text.encode("4").unwrap(), [7]);
    }

    #[test]
    fn a_missing_or_broken_file_is_named() {
        let empty = tempfile::tempdir().unwrap();
        let error = Text::load(empty.path()).err().unwrap().to_string();
        assert!(error.contains("tokenizer.json"), "{error}");
        std::fs::write(empty.path().join("tokenizer.json"), TOKENIZER.replace("Fuse\"", "Fuse"))
            .unwrap();
        let error = Text::load(empty.path()).err().unwrap().to_string();
        assert!(error.contains("tokenizer.json is not valid"), "{error}");
        let error = Text::load(folder("{").path()).err().unwrap().to_string();
        assert!(error.contains("tokenizer_config.json is not valid"), "{error}");
        let error = Text::load(folder(r#"{"chat_template":"{% if %}"}"#).path()).err().unwrap();
        assert!(error.to_string().contains("does not compile"), "{error}");
    }

    #[test]
    fn a_template_without_end_is_stopped() {
        let looped =
            "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}";
        let text =
            Text::load(folder(&format!(r#"{{"chat_template":"{looped}"}}"#)).path()).unwrap();
        let error = text.prompt("4").unwrap_err().to_string();
        assert!(error.contains("fuel"), "{error}");
    }
}

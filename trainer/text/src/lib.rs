//! Text to token ids and back, with the tokenizer and the chat template of a Hugging Face folder.
//!
//! Prompts are tokenized once, here; responses are never tokenized again: the ids that were
//! sampled are the ids that are trained on.

use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Value, context};
use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

/// Instructions that a template may take for a conversation. Qwen3's takes some 150 for a message;
/// one that never ends is stopped within a second.
const FUEL: u64 = 1_000_000;

/// The tokenizer of a model folder and, if it has one, its chat template.
pub struct Text {
    tokenizer: Tokenizer,
    template: Option<Environment<'static>>,
    special: SpecialTokens,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// Special tokens that chat templates refer to.
#[derive(Clone, Debug, Default)]
struct SpecialTokens {
    bos: Option<String>,
    eos: Option<String>,
}

/// Why text could not be turned into token ids, or a folder not be read.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A file of the folder is missing or unreadable.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file of the folder has the wrong content.
    #[error("{path} is not valid: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The reason.
        problem: String,
    },
    /// The folder has no chat template.
    #[error(
        "the model has no chat template\nhint: add `chat_template` to its tokenizer_config.json"
    )]
    NoTemplate,
    /// The chat template refused the messages.
    #[error("the chat template failed: {0}")]
    Template(minijinja::Error),
    /// The tokenizer refused the text, or the ids.
    #[error("the tokenizer failed: {0}")]
    Tokenize(String),
}

/// The part of `tokenizer_config.json` that is used here.
#[derive(Deserialize)]
struct TokenizerConfig {
    chat_template: Option<String>,
    bos_token: Option<TokenName>,
    eos_token: Option<TokenName>,
}

/// Folders name a special token plainly or as an object with details.
#[derive(Deserialize)]
#[serde(untagged)]
enum TokenName {
    Plain(String),
    Detailed { content: String },
}

impl From<TokenName> for String {
    fn from(name: TokenName) -> Self {
        match name {
            TokenName::Plain(name) | TokenName::Detailed { content: name } => name,
        }
    }
}

impl Text {
    /// Reads `tokenizer.json`, `tokenizer_config.json` and, where the template stands in a file of
    /// its own, `chat_template.jinja`.
    pub fn load(folder: &Path) -> Result<Self, TextError> {
        let path = folder.join("tokenizer.json");
        let tokenizer = parse(&read(&path)?)
            .map_err(|error| TextError::Invalid { path, problem: error.to_string() })?;

        let path = folder.join("tokenizer_config.json");
        let config: TokenizerConfig = serde_json::from_slice(&read(&path)?).map_err(|error| {
            TextError::Invalid { path: path.clone(), problem: error.to_string() }
        })?;
        let file = folder.join("chat_template.jinja");
        let template = match config.chat_template {
            None if file.exists() => Some(String::from_utf8_lossy(&read(&file)?).into_owned()),
            inline => inline,
        };
        let template = template.map(compile).transpose().map_err(|error| TextError::Invalid {
            path,
            problem: format!("its chat template does not compile: {error}"),
        })?;
        Ok(Self {
            tokenizer,
            template,
            special: SpecialTokens {
                bos: config.bos_token.map(String::from),
                eos: config.eos_token.map(String::from),
            },
        })
    }

    /// The ids of `text` as it stands: no special tokens are added.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(tokenize)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of `ids`, special tokens left out.
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

    /// The tokenizer's end token, if its configuration names one.
    pub fn end_token(&self) -> Option<u32> {
        self.special.eos.as_deref().and_then(|token| self.token_id(token))
    }

    /// The text that the chat template makes of a conversation; with `generation_prompt` it ends
    /// where the assistant's answer begins.
    pub fn render(
        &self,
        messages: &[Message],
        generation_prompt: bool,
    ) -> Result<String, TextError> {
        let environment = self.template.as_ref().ok_or(TextError::NoTemplate)?;
        let messages: Vec<Value> = messages
            .iter()
            .map(|m| context! { role => m.role.as_str(), content => m.content.as_str() })
            .collect();
        environment
            .get_template("chat")
            .and_then(|template| {
                template.render(context! {
                    messages,
                    add_generation_prompt => generation_prompt,
                    bos_token => self.special.bos.as_deref(),
                    eos_token => self.special.eos.as_deref(),
                })
            })
            .map_err(TextError::Template)
    }

    /// The ids of a prompt with one user message and no system message.
    pub fn prompt(&self, user: &str) -> Result<Vec<u32>, TextError> {
        let message = Message { role: "user".into(), content: user.into() };
        self.encode(&self.render(&[message], true)?)
    }
}

fn parse(tokenizer: &[u8]) -> tokenizers::Result<Tokenizer> {
    // The library panics where a decoder is no JSON.
    serde_json::from_slice::<serde_json::Value>(tokenizer)?;
    Tokenizer::from_bytes(tokenizer)
}

fn compile(source: String) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    // What Hugging Face templates expect of Jinja: Python's methods, and an error they can raise.
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function(
        "raise_exception",
        |message: String| -> Result<(), minijinja::Error> {
            Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message))
        },
    );
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template_owned("chat", source)?;
    Ok(environment)
}

fn read(path: &Path) -> Result<Vec<u8>, TextError> {
    std::fs::read(path).map_err(|source| TextError::Read { path: path.into(), source })
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

//! Special tokens that chat templates refer to, from every file that transformers reads.

use std::path::Path;

use serde_json::{Map, Value};
use tokenizers::{AddedToken, Tokenizer};

use crate::TextError;
use crate::files::read_json;

/// Names of special tokens in templates.
const NAMES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The special tokens of a folder.
pub(crate) struct SpecialTokens {
    /// Names and texts; a token that the folder does not name is absent.
    named: Vec<(&'static str, String)>,
    /// Additional special tokens, without a name.
    extra: Vec<String>,
}

impl SpecialTokens {
    /// Names and texts of those that have a name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.named.iter().map(|(name, token)| (*name, token.as_str()))
    }

    /// The text of the token of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.named().find(|&(of, _)| of == name).map(|(_, token)| token)
    }

    /// Registers all of them as tokens that are never split.
    pub(crate) fn add_to(&self, tokenizer: &mut Tokenizer) -> tokenizers::Result<()> {
        let added = tokenizer.get_added_vocabulary().get_vocab();
        let all = self.named.iter().map(|(_, token)| token).chain(&self.extra);
        let new: Vec<AddedToken> = all
            .filter(|token| !token.is_empty() && !added.contains_key(*token))
            .map(|token| AddedToken::from(token.clone(), true))
            .collect();
        if !new.is_empty() {
            tokenizer.add_special_tokens(new)?;
        }
        Ok(())
    }
}

/// The special tokens of a folder whose `tokenizer_config.json` is `config`.
///
/// A token is defined there or, in older folders, in `special_tokens_map.json`, which is read only if
/// the configuration lists no added tokens, and then takes precedence. A missing token has the default
/// of the tokenizer's class; `null` means that there is none.
pub(crate) fn read(folder: &Path, config: &Map<String, Value>) -> Result<SpecialTokens, TextError> {
    let old = folder.join("special_tokens_map.json");
    let mut named = config.clone();
    if !config.contains_key("added_tokens_decoder") && old.exists() {
        named.extend(read_json(&old)?);
    }
    let class = config.get("tokenizer_class").and_then(Value::as_str).unwrap_or_default();
    let token = |name: &'static str| {
        let token = match named.get(name) {
            Some(value) => content(value)?,
            None => class_default(class, name)?,
        };
        Some((name, token.to_owned()))
    };
    let extra = named.get("extra_special_tokens").or(named.get("additional_special_tokens"));
    let extra = extra.and_then(Value::as_array).into_iter().flatten().filter_map(content);
    Ok(SpecialTokens {
        named: NAMES.into_iter().filter_map(token).collect(),
        extra: extra.map(str::to_owned).collect(),
    })
}

/// A token is a text, or an object with details.
fn content(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token.get("content")?.as_str())
}

/// The default of a transformers tokenizer class for a token that the folder does not name.
fn class_default(class: &str, name: &str) -> Option<&'static str> {
    match (class.trim_end_matches("Fast"), name) {
        ("LlamaTokenizer", "bos_token") => Some("<s>"),
        ("LlamaTokenizer", "eos_token") => Some("</s>"),
        ("LlamaTokenizer" | "GemmaTokenizer", "unk_token") => Some("<unk>"),
        ("GemmaTokenizer", "bos_token") => Some("<bos>"),
        ("GemmaTokenizer", "eos_token") => Some("<eos>"),
        ("GemmaTokenizer", "pad_token") => Some("<pad>"),
        ("Qwen2Tokenizer", "eos_token" | "unk_token" | "pad_token")
        | ("GPT2Tokenizer", "bos_token" | "eos_token" | "unk_token") => Some("<|endoftext|>"),
        _ => None,
    }
}

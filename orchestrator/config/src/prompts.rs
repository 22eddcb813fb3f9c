//! `[prompts]`: the templates and their formatting.

use std::collections::BTreeMap;

use retrial_lte::Templates;
use serde::{Deserialize, Serialize};

/// `[prompts]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptsConfig {
    /// System message of conversations without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Variables of the model's chat template, such as `enable_thinking = false`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub template_kwargs: BTreeMap<String, serde_json::Value>,
    /// Whether the model's chat template writes the prompt. Without it the messages are plain text.
    pub chat: bool,
    /// Stop strings, in addition to the model's end tokens.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// The ordinary prompt, which every response is trained against.
    pub prompt: String,
    /// Asks for a concise answer.
    pub concise: String,
    /// Lists wrong answers.
    pub hint: String,
    /// Lists wrong answers and asks for a concise answer.
    pub concise_hint: String,
    /// Separator of the answers in a list.
    pub answer_separator: String,
}

impl Default for PromptsConfig {
    fn default() -> Self {
        let Templates { prompt, concise, hint, concise_hint, answer_separator } =
            Templates::default();
        Self {
            system: None,
            template_kwargs: BTreeMap::new(),
            chat: true,
            stop: Vec::new(),
            prompt,
            concise,
            hint,
            concise_hint,
            answer_separator,
        }
    }
}

impl PromptsConfig {
    /// The templates of the user's messages.
    pub fn templates(&self) -> Templates {
        Templates {
            prompt: self.prompt.clone(),
            concise: self.concise.clone(),
            hint: self.hint.clone(),
            concise_hint: self.concise_hint.clone(),
            answer_separator: self.answer_separator.clone(),
        }
    }

    /// Checks the values; the error is the first problem.
    pub fn check(&self) -> Result<(), String> {
        if self.stop.iter().any(String::is_empty) {
            return Err("stop has an empty text, which every response contains".into());
        }
        if !self.chat && !self.template_kwargs.is_empty() {
            return Err("template_kwargs are for the chat template, and chat is false".into());
        }
        self.templates().validate().map_err(|error| error.to_string())
    }
}

//! How a conversation becomes a prompt.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
}

impl Message {
    /// A message of the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: "user".into(), content: content.into() }
    }

    /// A message of the system.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: "system".into(), content: content.into() }
    }
}

/// How a conversation becomes a prompt. By default the chat template writes it, unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompting {
    /// The system message of conversations without one.
    pub system: Option<String>,
    /// Variables of the chat template, such as `enable_thinking = false`.
    pub template_kwargs: BTreeMap<String, serde_json::Value>,
    /// The form of the prompt.
    pub form: Form,
}

/// The form of a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// By the model's chat template.
    #[default]
    Chat,
    /// The messages as plain text, with an empty line between them. For base models.
    Plain,
}

impl Prompting {
    /// The conversation, with the default system message if it has none.
    pub(crate) fn complete(&self, messages: &[Message]) -> Vec<Message> {
        let has_system = messages.first().is_some_and(|message| message.role == "system");
        let system = self.system.as_ref().filter(|_| !has_system).map(Message::system);
        system.into_iter().chain(messages.iter().cloned()).collect()
    }
}

/// Messages as plain text.
pub(crate) fn plain(messages: &[Message]) -> String {
    let contents: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
    contents.join("\n\n")
}

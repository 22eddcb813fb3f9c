//! Why text could not be turned into token ids.

use std::path::PathBuf;

/// Why text could not be turned into token ids, or a folder could not be read.
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
        "the model has no chat template\n\
         hint: a base model needs [prompts] chat = false; other models need chat_template.jinja \
         in their folder"
    )]
    NoTemplate,
    /// The folder has several chat templates, and none of them is the default.
    #[error(
        "the model has several chat templates and none is called `default`: {}\n\
         hint: rename the one to use to `default` in its tokenizer_config.json",
        names.join(", ")
    )]
    NoDefault {
        /// The names of the templates.
        names: Vec<String>,
    },
    /// The chat template rejected the messages, with `raise_exception`.
    #[error("the chat template refuses the messages: {0}")]
    Refused(String),
    /// The chat template failed.
    #[error("the chat template failed: {0}")]
    Template(minijinja::Error),
    /// The tokenizer rejected the text, or the ids.
    #[error("the tokenizer failed: {0}")]
    Tokenize(String),
}

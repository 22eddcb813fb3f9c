//! What can be wrong with a model folder.

use std::path::PathBuf;

use super::families;

/// Why a model could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file is missing or unreadable, or could not be written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file has the wrong content.
    #[error("{path} is not valid: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The model has a setting that is not implemented.
    #[error(
        "{path}: {problem}\nhint: dense models and mixtures of experts of these model_types can be \
         trained: {}",
        families::names()
    )]
    Unsupported {
        /// The configuration.
        path: PathBuf,
        /// The setting that is not supported.
        problem: String,
    },
    /// The weights lack tensors that the configuration requires.
    #[error("{path} lacks {}: {}", count(.names), .names.join(", "))]
    Missing {
        /// The file.
        path: PathBuf,
        /// Names of the tensors.
        names: Vec<String>,
    },
    /// The weights have tensors that the configuration does not list: the model is not the one
    /// that the configuration describes.
    #[error("{path} has {} that config.json does not ask for: {}", count(.names), .names.join(", "))]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// Names of the tensors.
        names: Vec<String>,
    },
    /// The weights have an output matrix, but the configuration says that it is the
    /// embedding (tied).
    #[error(
        "{path} has an `lm_head.weight` that differs from the embedding, config.json says they are one\n\
         hint: set \"tie_word_embeddings\" in config.json to false to use that matrix, or delete it \
         from the weights"
    )]
    UntiedHead {
        /// The file.
        path: PathBuf,
    },
    /// The shape of a tensor differs from the configuration's.
    #[error("{path}: `{name}` has shape {found:?}, config.json asks for {expected:?}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
        /// Its shape.
        found: Vec<i64>,
        /// The shape it should have.
        expected: Vec<i64>,
    },
}

fn count(names: &[String]) -> String {
    match names.len() {
        1 => "a tensor".into(),
        n => format!("{n} tensors"),
    }
}

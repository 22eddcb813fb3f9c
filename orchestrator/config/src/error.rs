//! What can be wrong with a configuration.

use std::path::PathBuf;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key or a wrong type.
    #[error("{path}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column, the line itself and the problem.
        message: String,
    },
    /// An invalid `--set`.
    #[error("--set {setting}: {problem}")]
    Override {
        /// The argument.
        setting: String,
        /// The problem.
        problem: String,
    },
    /// A value out of range.
    #[error("{path}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The key, its value and its range.
        problem: String,
    },
}

/// Adds a `hint:` line to serde's message about an unknown name if one of the expected names is
/// similar.
pub(crate) fn with_suggestion(message: &str) -> String {
    let message = message.trim_end();
    let mut quoted = message
        .lines()
        .find(|line| line.contains("unknown field `") || line.contains("unknown variant `"))
        .map(|line| line.split('`').skip(1).step_by(2))
        .into_iter()
        .flatten();
    let Some(unknown) = quoted.next() else { return message.to_owned() };
    let closest = quoted
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .min()
        .filter(|&(distance, name)| distance <= name.len().max(3) / 2);
    match closest {
        Some((_, name)) => format!("{message}\nhint: did you mean `{name}`?"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_name_is_suggested() {
        let message = "unknown field `lerning_rate`, expected one of `learning_rate`, `beta1`";
        assert!(with_suggestion(message).ends_with("hint: did you mean `learning_rate`?"));
        let message = "unknown field `colour`, expected `steps` or `seed`";
        assert_eq!(with_suggestion(message), message);
        assert_eq!(with_suggestion("missing field `run`"), "missing field `run`");
    }
}

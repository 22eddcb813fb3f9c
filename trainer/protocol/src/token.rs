//! Access tokens of the services and of the dashboard.

use std::path::Path;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Least length of a token, because it can be guessed as fast as a machine answers.
const LENGTH: usize = 16;

/// A secret. `Debug` does not show it, and it is compared by its digest in constant time.
#[derive(Clone)]
pub struct Token {
    text: String,
    digest: [u8; 32],
}

/// Why a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidToken {
    /// It is too short, or does not fit into a header.
    #[error(
        "the token in {from} {problem}\n\
         hint: `openssl rand -hex 16` prints one"
    )]
    Unfit {
        /// The file or the variable.
        from: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Its file cannot be read.
    #[error("cannot read the token from {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
}

impl Token {
    /// The variable with the token of a run's services. The variable with `_FILE` appended
    /// names a file that has it.
    pub const OF_SERVICES: &str = "RETRIAL_SERVICE_TOKEN";

    /// Makes a token of text, without the space around it. `from` says where it comes from.
    pub fn new(text: &str, from: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        let unfit = |problem| InvalidToken::Unfit { from: from.into(), problem };
        if text.len() < LENGTH {
            let length = text.len();
            return Err(unfit(format!("has {length} characters, it must have at least {LENGTH}")));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unfit("contains non-ASCII characters".into()));
        }
        Ok(Self { text: text.into(), digest: Sha256::digest(text).into() })
    }

    /// The token in a file.
    pub fn read(path: &Path) -> Result<Self, InvalidToken> {
        let shown = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::new(&text, &shown),
            Err(source) => Err(InvalidToken::Io { path: shown, source }),
        }
    }

    /// The token in an environment variable, or in the file named by the variable with `_FILE` appended
    /// to its name. An empty variable means no token.
    pub fn of_environment(variable: &str) -> Result<Option<Self>, InvalidToken> {
        let given = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        if let Some(text) = given(variable) {
            return Self::new(&text, variable).map(Some);
        }
        given(&format!("{variable}_FILE")).map(|path| Self::read(Path::new(&path))).transpose()
    }

    /// Request headers with the services' token of the environment, if there is one.
    pub fn headers_to_services() -> Result<HeaderMap, InvalidToken> {
        let token = Self::of_environment(Self::OF_SERVICES)?;
        Ok(token.iter().map(|token| (AUTHORIZATION, token.bearer())).collect())
    }

    /// The value of the header `Authorization` with this token.
    pub fn bearer(&self) -> HeaderValue {
        let text = HeaderValue::try_from(format!("Bearer {}", self.text));
        let mut value = text.expect("a token is graphic ASCII");
        value.set_sensitive(true);
        value
    }

    /// Whether a value of the header `Authorization` has this token.
    pub fn is_shown_by(&self, authorization: &str) -> bool {
        authorization.strip_prefix("Bearer ").is_some_and(|given| self.is(given))
    }

    /// Whether the texts are equal.
    pub fn is(&self, given: &str) -> bool {
        Sha256::digest(given).ct_eq(&self.digest).into()
    }

    /// A digest for cookies and the like, from which the token cannot be computed; it depends on the purpose.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(purpose)
            .chain_update(" ")
            .chain_update(&self.text)
            .finalize()
            .into()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_it() {
        let token = Token::new("0123456789abcdef\n", "here").unwrap();
        assert!(token.is_shown_by("Bearer 0123456789abcdef"));
        assert!(token.is_shown_by(token.bearer().to_str().unwrap()));
        for other in [
            "0123456789abcdef",
            "bearer 0123456789abcdef",
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcdef0",
            "Bearer ",
            "",
        ] {
            assert!(!token.is_shown_by(other), "{other}");
        }
        assert_eq!(format!("{token:?}"), "Token");
        assert_ne!(token.derived("a"), token.derived("b"));
    }

    #[test]
    fn what_can_be_guessed_is_refused() {
        for unfit in ["", "short", "0123456789abcde ", "0123456789 abcdef", "0123456789äbcdef"] {
            let error = Token::new(unfit, "a file").unwrap_err().to_string();
            assert!(error.contains("a file") && error.contains("hint:"), "{error}");
            assert!(unfit.is_empty() || !error.contains(unfit), "it is shown: {error}");
        }
    }
}

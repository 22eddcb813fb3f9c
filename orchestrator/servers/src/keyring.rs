//! Credentials for a server: the services' token, a key, further headers, certificates.

use std::path::{Path, PathBuf};

use reqwest::Certificate;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use retrial_protocol::{Access, InvalidToken, Token};

/// The default variable of the key.
const USUAL_KEY: &str = "OPENAI_API_KEY";
/// A header's value with this prefix is the content of a variable.
const FROM_VARIABLE: &str = "env:";

/// Credentials for servers. They contain secrets, which `Debug` does not show.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    headers: HeaderMap,
    /// The variable of the key.
    key_from: Option<String>,
    /// The table of the configuration that names it.
    table: &'static str,
    /// Certificates to trust in addition to the system's.
    roots: Vec<Certificate>,
}

/// Why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAccess {
    /// The services' token cannot be used.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// A configured variable does not exist.
    #[error(
        "the environment variable {variable}, named by {key}, is not set\n\
         hint: export it where the run, and the trainer if it runs elsewhere, are started"
    )]
    NoVariable {
        /// The variable.
        variable: String,
        /// The key of the configuration.
        key: String,
    },
    /// A header is invalid.
    #[error("[server] headers: `{name}` cannot be sent: {problem}")]
    Header {
        /// Its name.
        name: String,
        /// The problem.
        problem: String,
    },
    /// The certificates cannot be used.
    #[error("[server] ca_file {}: {problem}\nhint: it must contain certificates in PEM format", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
}

impl Keyring {
    /// Credentials for the services of a run: their token.
    pub fn of_services() -> Result<Self, InvalidAccess> {
        Ok(Self { headers: Token::headers_to_services()?, ..Self::default() })
    }

    /// Credentials for policy servers: the configured key, else the services' token, else the
    /// default key if there is one.
    pub fn of(access: &Access) -> Result<Self, InvalidAccess> {
        let keyring = Self::of_services()?;
        let usual = keyring.headers.is_empty().then(|| variable(USUAL_KEY)).flatten();
        keyring.with(access, "server", usual)
    }

    /// What is shown to a verifier: the key and the headers that are named, and nothing else.
    pub fn of_verifier(access: &Access) -> Result<Self, InvalidAccess> {
        Self::default().with(access, "reward", None)
    }

    /// With what a table of the configuration names.
    fn with(
        self,
        access: &Access,
        table: &'static str,
        usual: Option<String>,
    ) -> Result<Self, InvalidAccess> {
        let mut keyring = Self { table, ..self };
        let key = match &access.api_key_env {
            Some(name) => Some((name.as_str(), named(name, &format!("[{table}] api_key_env"))?)),
            None => usual.map(|key| (USUAL_KEY, key)),
        };
        if let Some((name, key)) = key {
            let value = secret(name, &format!("Bearer {key}"))?;
            keyring.headers.insert(AUTHORIZATION, value);
            keyring.key_from = Some(name.to_owned());
        }
        if let Some(path) = &access.ca_file {
            keyring.roots = certificates(path)?;
        }
        for (name, value) in &access.headers {
            let value = match value.strip_prefix(FROM_VARIABLE) {
                Some(from) => named(from, &format!("[{table}] headers.{name}"))?,
                None => value.clone(),
            };
            let header = HeaderName::try_from(name.as_str()).map_err(|error| {
                InvalidAccess::Header { name: name.clone(), problem: error.to_string() }
            })?;
            keyring.headers.insert(header, secret(name, &value)?);
        }
        Ok(keyring)
    }

    /// The headers of every call.
    pub fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// Certificates to trust in addition to the system's.
    pub fn roots(&self) -> Vec<Certificate> {
        self.roots.clone()
    }

    /// The hint for a server that denies access.
    pub fn hint(&self) -> String {
        let table = self.table;
        match &self.key_from {
            Some(variable) => {
                format!("hint: it rejects the key in {variable}; see [{table}] api_key_env")
            }
            None if table == "reward" => {
                "hint: it requires a key: name its variable by [reward] api_key_env".into()
            }
            None if self.headers.contains_key(AUTHORIZATION) => {
                let variable = Token::OF_SERVICES;
                format!(
                    "hint: it rejects the token in {variable}; set a key of its own with \
                     [server] api_key_env"
                )
            }
            None => format!(
                "hint: it requires a key: set the variable {USUAL_KEY}, or name another one with \
                 [server] api_key_env (a service of Retrial requires the token in {})",
                Token::OF_SERVICES
            ),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, InvalidAccess> {
    let invalid = |problem: String| InvalidAccess::Certificates { path: path.into(), problem };
    let pem = std::fs::read(path).map_err(|error| invalid(error.to_string()))?;
    let roots = Certificate::from_pem_bundle(&pem).map_err(|error| invalid(error.to_string()))?;
    if roots.is_empty() { Err(invalid("it has no certificate".into())) } else { Ok(roots) }
}

/// A variable's value; an empty one is none.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn named(name: &str, key: &str) -> Result<String, InvalidAccess> {
    variable(name)
        .ok_or_else(|| InvalidAccess::NoVariable { variable: name.into(), key: key.into() })
}

/// A header's value that is never shown.
fn secret(name: &str, value: &str) -> Result<HeaderValue, InvalidAccess> {
    let mut value = HeaderValue::try_from(value).map_err(|_| InvalidAccess::Header {
        name: name.into(),
        problem: "its value has a line break or another control character".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn with_header(name: &str, value: &str) -> Access {
        let headers = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Access { headers, ..Access::default() }
    }

    #[test]
    fn a_missing_variable_is_named_with_its_key() {
        let access = Access { api_key_env: Some("RETRIAL_NO_SUCH".into()), ..Access::default() };
        for (access, key) in [
            (access, "[server] api_key_env"),
            (with_header("X-Key", "env:RETRIAL_NO_SUCH"), "[server] headers.X-Key"),
        ] {
            let error = Keyring::of(&access).unwrap_err().to_string();
            assert!(error.contains("RETRIAL_NO_SUCH") && error.contains(key), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let keyring = Keyring::of(&with_header("X-Key", "hunter2")).unwrap();
        assert!(!format!("{keyring:?}").contains("hunter2"));
        let error = Keyring::of(&with_header("X-Key", "hunter2\n")).unwrap_err().to_string();
        assert!(error.contains("`X-Key` cannot be sent") && !error.contains("hunter2"), "{error}");
        assert!(Keyring::of(&with_header("no header", "x")).is_err());
    }
}

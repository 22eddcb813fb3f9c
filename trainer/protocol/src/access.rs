//! Credentials for policy servers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Credentials for policy servers, by reference: the secrets stay in the environment of
/// the processes that send them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// The variable that has the key, sent as a bearer token. Without it the services' token is
    /// sent, else the key in `OPENAI_API_KEY` if there is one.
    pub api_key_env: Option<String>,
    /// Further headers. A value `env:NAME` is the content of the variable NAME.
    pub headers: BTreeMap<String, String>,
    /// A PEM file with certificates to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
}

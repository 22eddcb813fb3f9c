//! How policy servers let the run and the trainer in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is shown to policy servers, by reference: the secrets themselves stay in the environment of
/// the processes that show them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// The variable that has the key, sent as a bearer token. Without it the token of the services is
    /// shown, else the key in `OPENAI_API_KEY` if there is one.
    pub api_key_env: Option<String>,
    /// Further headers. A value `env:NAME` is that of a variable.
    pub headers: BTreeMap<String, String>,
    /// A PEM file with certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

//! `[log]`: what the log keeps.

use serde::{Deserialize, Serialize};

/// `[log]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Characters of a correct response to keep once its step is committed; without it all of them.
    pub success_characters: Option<u32>,
}

//! `[log]`: what stays in the log.

use serde::{Deserialize, Serialize};

/// `[log]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Characters of a correct response that stay once its step is committed; without it all do.
    pub success_characters: Option<u32>,
}

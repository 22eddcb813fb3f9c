//! Lines that cannot be graded.

use serde::Serialize;

/// A line that cannot be graded.
#[derive(Serialize)]
pub(super) struct Invalid {
    /// Null where the line does not have one.
    id: serde_json::Value,
    verdict: &'static str,
    line: usize,
    reason: String,
}

/// A line that is not graded, by its name if it has one.
pub(super) fn invalid(number: usize, line: &[u8], error: &anyhow::Error) -> Invalid {
    let value = serde_json::from_slice::<serde_json::Value>(line).unwrap_or_default();
    let id = value.get("id").cloned().unwrap_or_default();
    Invalid { id, verdict: "invalid", line: number, reason: format!("{error:#}") }
}

//! The last lines that a program wrote before it exited.

use std::sync::{Arc, Mutex, PoisonError};

/// The last lines that a program wrote to its standard error.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords(Arc<Mutex<Vec<String>>>);

impl LastWords {
    const KEPT: usize = 3;

    pub(super) fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == Self::KEPT {
            lines.remove(0);
        }
        lines.push(line);
    }

    /// The lines as the end of a sentence; empty if there are none.
    pub(super) fn quoted(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() { String::new() } else { format!("; it wrote: {}", lines.join(" / ")) }
    }
}

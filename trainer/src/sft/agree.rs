//! Errors of one rank are errors of all.

use anyhow::{Result, bail};

use crate::ranks::Ranks;

/// This rank's value if no rank failed, or an error on all ranks.
pub fn agree<T>(ranks: &mut Ranks, mine: Result<T>) -> Result<T> {
    match ranks.failure(mine.as_ref().err().map(|error| format!("{error:#}")))? {
        Some(failure) if mine.is_ok() => bail!("on rank {}: {}", failure.rank, failure.error),
        _ => mine,
    }
}

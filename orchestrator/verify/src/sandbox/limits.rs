//! What a program may use up.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Bytes of a file that it writes.
const LARGEST_FILE: u64 = 16 << 20;
/// Files that it has open.
const OPEN_FILES: u64 = 64;

/// Limits this process and what it becomes. Its time is watched from outside.
pub(super) fn set(memory_mb: u64) -> Result<(), String> {
    for (resource, most) in [
        (Resource::As, memory_mb << 20),
        (Resource::Fsize, LARGEST_FILE),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("the limit {resource:?}: {error}"))?;
    }
    Ok(())
}

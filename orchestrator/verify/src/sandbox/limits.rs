//! Resource limits of a program.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Limit on the size of a file that it writes, bytes.
const LARGEST_FILE: u64 = 16 << 20;
/// Limit on its open files.
const OPEN_FILES: u64 = 64;

/// Limits this process, also across `exec`. The time limit is enforced by the caller.
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

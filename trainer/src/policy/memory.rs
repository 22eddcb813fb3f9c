//! How much memory the KV cache may take.

/// The share of the free memory for keys and values: the rest is for activations.
const SHARE: f64 = 0.8;

/// Memory that is available without swapping, bytes, where the system reports it.
pub fn available() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The cache's part of it.
pub fn for_cache() -> usize {
    available().map_or(usize::MAX, |free| (free as f64 * SHARE) as usize)
}

//! How much memory the cache may take.

/// The share of what is free that keys and values may take: the rest is for activations.
const SHARE: f64 = 0.8;

/// Memory that can be taken without swapping, bytes, where the system says so.
pub fn available() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// What the cache may take of it.
pub fn for_cache() -> usize {
    available().map_or(usize::MAX, |free| (free as f64 * SHARE) as usize)
}

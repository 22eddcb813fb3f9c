//! Why ranks could not compute together.

/// Why ranks could not compute together.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "rank {rank} of {world}: {operation} failed: {reason}{}\n\
     hint: a rank that has ended or hangs fails all others; look at the log of each for the first error",
    silence(.silent)
)]
pub struct GroupError {
    /// The operation.
    pub operation: &'static str,
    /// This rank.
    pub rank: usize,
    /// Ranks of the group.
    pub world: usize,
    /// c10d's message.
    pub reason: String,
    /// Ranks that did not confirm the failure, as far as rank 0 knows: they have ended, hang, or still compute.
    pub silent: Vec<usize>,
}

fn silence(ranks: &[usize]) -> String {
    let ranks: Vec<String> = ranks.iter().map(ToString::to_string).collect();
    match &ranks[..] {
        [] => String::new(),
        [rank] => format!("; rank {rank} is silent"),
        ranks => format!("; ranks {} are silent", ranks.join(", ")),
    }
}

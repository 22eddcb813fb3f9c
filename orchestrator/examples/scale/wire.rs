//! Bytes sent over the network in a step, by the formulas of docs/scale.md.

use super::plan::{ANSWERED_TOKEN, BATCH_TOKEN, Way};

const F32: f64 = 4.0;
pub const BF16: f64 = 2.0;

/// What each rank sends of the gradients of a micro-batch. Gloo sums all of them on each rank, which
/// keeps a share; NCCL sums shares.
pub fn gradients(parameters: f64, ranks: usize, way: Way) -> f64 {
    let times = match way {
        Way::Host => 2.0,
        Way::Nccl => 1.0,
    };
    times * others(ranks) * F32 * parameters
}

/// What each rank sends of its share of the updated weights.
pub fn weights(parameters: f64, ranks: usize, bytes: f64) -> f64 {
    others(ranks) * bytes * parameters
}

/// What the servers receive of a version, each all of it.
pub fn push(parameters: f64, servers: usize) -> f64 {
    servers as f64 * BF16 * parameters
}

/// The servers' answers for this many sampled tokens.
pub fn answers(tokens: f64) -> f64 {
    tokens * ANSWERED_TOKEN
}

/// The batch, to rank 0 and from there to every other rank.
pub fn batch(tokens: f64, ranks: usize) -> f64 {
    ranks as f64 * tokens * BATCH_TOKEN
}

/// (W - 1) / W
fn others(ranks: usize) -> f64 {
    (ranks - 1) as f64 / ranks as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formulas_are_those_that_were_counted() {
        // The table of docs/scale.md: all ranks, one optimizer step.
        for (ranks, counted) in [(2, 5_380_992.0), (4, 16_142_976.0)] {
            let n = 448_416.0;
            let sent = gradients(n, ranks, Way::Host) + weights(n, ranks, F32);
            assert_eq!(sent * ranks as f64, counted);
        }
        assert_eq!(weights(448_416.0, 1, BF16) + gradients(448_416.0, 1, Way::Nccl), 0.0);
    }
}

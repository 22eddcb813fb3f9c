//! The order of the examples: shuffled anew for each pass, by the seed alone.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;

/// Batches by step.
pub(super) struct Order {
    positions: Vec<usize>,
    random: ChaCha8Rng,
    batch: usize,
    /// Passes that were shuffled.
    passes: u64,
}

impl Order {
    pub fn new(examples: usize, batch: usize, seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { positions: (0..examples).collect(), random, batch, passes: 0 }
    }

    /// Steps of a pass.
    pub fn a_pass(&self) -> u64 {
        self.positions.len().div_ceil(self.batch) as u64
    }

    /// The examples of the step after `done`. Steps may be skipped, but not gone back to.
    pub fn after(&mut self, done: u64) -> &[usize] {
        while self.passes <= done / self.a_pass() {
            self.positions.shuffle(&mut self.random);
            self.passes += 1;
        }
        let index = (done % self.a_pass()) as usize;
        self.positions.chunks(self.batch).nth(index).expect("a pass has as many steps")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pass_has_each_example_once_and_steps_can_be_skipped() {
        let mut order = Order::new(10, 4, 7);
        let batches: Vec<Vec<usize>> = (0..6).map(|step| order.after(step).to_vec()).collect();
        for pass in batches.chunks(3) {
            let mut seen = pass.concat();
            seen.sort_unstable();
            assert_eq!(seen, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(batches[..3], batches[3..]);
        assert_eq!(Order::new(10, 4, 7).after(5), batches[5]);
    }
}

//! Seeds, derived from one another by name.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// A random seed. All seeds of a run are derived from the run's seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of something inside: equal names give equal seeds, different ones independent
    /// seeds.
    #[must_use]
    pub fn of(self, name: u64) -> Self {
        Self(mix(mix(self.0).wrapping_add(name)))
    }

    /// The seed of something with a textual name.
    #[must_use]
    pub fn of_text(self, name: &str) -> Self {
        let start = self.of(u64::MAX).of(name.len() as u64);
        name.bytes().fold(start, |seed, byte| seed.of(u64::from(byte)))
    }

    /// A generator that starts at this seed.
    pub fn generator(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.0)
    }
}

/// The finaliser of `SplitMix64`.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_different_seeds_and_the_same_ones_again() {
        let root = Seed(7);
        let mut seeds: Vec<u64> = (0..1000).map(|name| root.of(name).0).collect();
        seeds.extend(["", "a", "b", "ab", "ba"].map(|name| root.of_text(name).0));
        let distinct: std::collections::HashSet<_> = seeds.iter().collect();
        assert_eq!(distinct.len(), seeds.len());
        assert_eq!(root.of(3), Seed(7).of(3));
        assert_ne!(root.of(3), Seed(8).of(3));
    }
}

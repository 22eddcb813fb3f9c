//! A canonical sum as a factor: shared, and quick to compare.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

use super::poly::Poly;

/// A sum with its hash and size: sums that differ are told apart without looking at their terms.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    hash: u64,
    size: u64,
    sum: Rc<Poly>,
}

impl Shared {
    pub(super) fn new(sum: Poly) -> Self {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        sum.hash(&mut hasher);
        Self { hash: hasher.finish(), size: sum.size(), sum: Rc::new(sum) }
    }

    /// The size of the sum, written out.
    pub(super) fn size(&self) -> u64 {
        self.size
    }
}

impl Deref for Shared {
    type Target = Poly;

    fn deref(&self) -> &Poly {
        &self.sum
    }
}

impl Ord for Shared {
    fn cmp(&self, other: &Self) -> Ordering {
        if Rc::ptr_eq(&self.sum, &other.sum) {
            return Ordering::Equal;
        }
        self.hash.cmp(&other.hash).then_with(|| self.sum.cmp(&other.sum))
    }
}

impl PartialOrd for Shared {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Shared {}

impl Hash for Shared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// The hash of Fowler, Noll and Vo: the same on every machine and in every version.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

//! Stops a run when most responses cannot be verified: it would train on a biased rest.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Number of recent responses considered.
const LATEST: usize = 64;
/// Number of responses needed for a decision.
const FEWEST: usize = 16;

/// Whether recent responses could be verified.
#[derive(Debug, Default)]
pub(crate) struct Failing(Mutex<VecDeque<bool>>);

impl Failing {
    /// Records a response. Returns the number that could not be verified and the number of all, if
    /// the former are the majority.
    pub(crate) fn note(&self, unverified: bool) -> Option<(usize, usize)> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == LATEST {
            latest.pop_front();
        }
        latest.push_back(unverified);
        let failed = latest.iter().filter(|&&unverified| unverified).count();
        (latest.len() >= FEWEST && failed * 2 > latest.len()).then_some((failed, latest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_the_latest_have_to_fail() {
        let failing = Failing::default();
        assert!((1..FEWEST).all(|_| failing.note(true).is_none()));
        assert_eq!(failing.note(true), Some((16, 16)));
        // Exactly half is not a majority.
        let failing = Failing::default();
        assert!((0..200).all(|n| failing.note(n % 2 == 1).is_none()));
    }
}

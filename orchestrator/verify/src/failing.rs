//! When most verdicts are given up on, the run is to stop: it would train on the lucky rest.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The latest verdicts that are looked at.
const LATEST: usize = 64;
/// The fewest that say anything.
const FEWEST: usize = 16;

/// How the latest verdicts went.
#[derive(Debug, Default)]
pub(crate) struct Failing(Mutex<VecDeque<bool>>);

impl Failing {
    /// Takes note of a verdict. The number given up on and the number of all, if most were given up.
    pub(crate) fn note(&self, given_up: bool) -> Option<(usize, usize)> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == LATEST {
            latest.pop_front();
        }
        latest.push_back(given_up);
        let failed = latest.iter().filter(|&&given_up| given_up).count();
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
        // Half of them is not most.
        let failing = Failing::default();
        assert!((0..200).all(|n| failing.note(n % 2 == 1).is_none()));
    }
}

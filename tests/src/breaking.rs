//! What a day brings a policy server behind a gateway: one answer in ten is broken, in all ways.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::fault::{Fault, ROLLOUTS};

/// The share of answers that are broken.
const SHARE: f64 = 0.1;
/// A run asks for a response three times with its own seed: the third of these is left alone, so that
/// two runs end with the same responses.
const WITH_ITS_SEED: u64 = 3;

/// What may happen to any answer.
const ANY: [Fault; 14] = [
    Fault::Status(404),
    Fault::Status(408),
    Fault::Status(413),
    Fault::Status(429),
    Fault::Status(500),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Later(404),
    Fault::Later(429),
    Fault::Later(503),
    Fault::Page,
    Fault::Redirect,
    Fault::HalfBody,
    Fault::Reset,
];
/// What may happen to responses.
const OF_RESPONSES: [Fault; 8] = [
    Fault::FewerLogprobs,
    Fault::FewerChoices,
    Fault::InvalidLogprob,
    Fault::NullLogprob,
    Fault::TooLong,
    Fault::UnknownId,
    Fault::Abort,
    Fault::AbortFirst,
];
/// Calls that may be answered and not done, beside those that a test names.
const SWALLOWED: [&str; 4] = ["/pause", "/resume", "/reset_prefix_cache", "/update_weight_version"];

/// Breaks answers. What it does to one follows from the request and how often it was made, not from
/// when it comes or which of several servers it goes to.
#[derive(Debug)]
pub struct Breaking {
    seed: u64,
    asked: Mutex<HashMap<u64, u64>>,
    broken: Mutex<HashMap<Fault, usize>>,
}

impl Breaking {
    /// Breaks by a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, asked: Mutex::default(), broken: Mutex::default() }
    }

    /// All that it may do.
    pub fn all() -> impl Iterator<Item = Fault> {
        ANY.into_iter().chain(OF_RESPONSES).chain([Fault::Pretend])
    }

    /// How often each fault has occurred.
    pub fn broken(&self) -> HashMap<Fault, usize> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What becomes of the answer to a request.
    pub(crate) fn next(&self, route: &str, body: &[u8]) -> Option<Fault> {
        // Where a version lies is no part of the request.
        let body = if route == "/collective_rpc" { &[] } else { body };
        let mut hasher = DefaultHasher::new();
        (self.seed, route, body).hash(&mut hasher);
        let request = hasher.finish();
        let times = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let times = asked.entry(request).or_default();
            *times += 1;
            *times
        };
        let mut random = StdRng::seed_from_u64(request.wrapping_add(times));
        if !random.random_bool(SHARE) {
            return None;
        }
        let mut faults = ANY.to_vec();
        if route == ROLLOUTS && times < WITH_ITS_SEED {
            faults.extend(OF_RESPONSES);
        }
        if SWALLOWED.contains(&route) {
            faults.push(Fault::Pretend);
        }
        let fault = *faults.choose(&mut random)?;
        *self.broken.lock().unwrap_or_else(PoisonError::into_inner).entry(fault).or_default() += 1;
        Some(fault)
    }
}

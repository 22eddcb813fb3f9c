//! The deadline of a collective operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::CollectiveError;

/// Pause between two polls of a call in progress: short compared with any transfer.
const LOOK: Duration = Duration::from_micros(100);

/// A deadline that can also be cancelled.
#[derive(Clone, Debug)]
pub struct Patience {
    deadline: Instant,
    given_up: Arc<AtomicBool>,
}

impl Patience {
    /// Ends `timeout` from now.
    pub fn new(timeout: Duration) -> Self {
        Self { deadline: Instant::now() + timeout, given_up: Arc::default() }
    }

    /// Cancels it now, for every copy of it.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Polls `call` until it is done.
    pub(super) fn wait(
        &self,
        call: &'static str,
        mut done: impl FnMut() -> Result<bool, CollectiveError>,
    ) -> Result<(), CollectiveError> {
        while !done()? {
            if self.given_up.load(Ordering::Relaxed) {
                return Err(CollectiveError::GivenUp { call });
            }
            if Instant::now() >= self.deadline {
                return Err(CollectiveError::Late { call });
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

//! How long a collective may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::CollectiveError;

/// Pause between two looks at a call that is under way: short beside any transfer.
const LOOK: Duration = Duration::from_micros(100);

/// Waits until a deadline, or until someone says that it is in vain.
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

    /// Ends it now, for every copy of it.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Looks at `call` until it is done.
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

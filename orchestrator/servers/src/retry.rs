//! The retry policy: how often, and after which pauses. Nothing else decides it.

use std::future::Future;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use crate::error::{CallError, Trouble};

/// Pause after the first failure; it doubles each time, up to the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// Limits of the retries of a call.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Pause after the first failure.
    pub first: Duration,
    /// Longest pause of our own; a server may ask for a longer one.
    pub longest: Duration,
    /// How long to wait for an unreachable server, including failed attempts and pauses.
    pub patience: Duration,
    /// Retries while it is unreachable.
    pub away: u32,
    /// Retries after a wrong answer.
    pub wrong: u32,
}

impl Policy {
    /// Five retries within some seconds.
    pub const BRIEF: Self =
        Self { first: FIRST, longest: LONGEST, patience: Duration::MAX, away: 5, wrong: 5 };

    /// Waits for an unreachable server until `patience` ends, and retries a wrong answer
    /// five times.
    pub const fn waiting(patience: Duration) -> Self {
        Self { patience, away: u32::MAX, ..Self::BRIEF }
    }

    /// The pauses of a call before its first failure.
    pub fn pauses(&self) -> Pauses {
        let delays = ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .without_max_times();
        Pauses { policy: *self, delays: delays.build(), waited: Duration::ZERO, away: 0, wrong: 0 }
    }

    /// Calls until it succeeds or the policy gives up.
    pub async fn run<T, F>(&self, call: impl FnMut() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.run_while(call, |_| true).await
    }

    /// Calls until it succeeds, while the errors are worth a retry.
    pub async fn run_while<T, F>(
        &self,
        mut call: impl FnMut() -> F,
        worth: impl Fn(&CallError) -> bool,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut pauses = self.pauses();
        loop {
            let clock = Instant::now();
            let error = match call().await {
                Err(error) if worth(&error) => error,
                ended => return ended,
            };
            let Some(pause) = pauses.after(&error, clock.elapsed()) else { return Err(error) };
            tracing::warn!(%error, ?pause, "a call failed; trying again");
            tokio::time::sleep(pause).await;
        }
    }
}

/// Calls a few times.
pub async fn with_retries<T, F>(call: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    Policy::BRIEF.run(call).await
}

/// The pauses between the attempts of one call.
#[derive(Debug)]
pub struct Pauses {
    policy: Policy,
    delays: ExponentialBackoff,
    waited: Duration,
    away: u32,
    wrong: u32,
}

impl Pauses {
    /// The pause after a failed attempt that took `took`; none if there is to be no other.
    pub fn after(&mut self, error: &CallError, took: Duration) -> Option<Duration> {
        self.next(error.trouble(), error.retry_after(), took)
    }

    /// The pause after an attempt that found the server unreachable.
    pub fn after_nobody(&mut self, took: Duration) -> Option<Duration> {
        self.next(Trouble::Away, None, took)
    }

    /// The pause after an attempt that was answered, and wrongly.
    pub fn after_wrong(&mut self, took: Duration) -> Option<Duration> {
        self.next(Trouble::Wrong, None, took)
    }

    fn next(
        &mut self,
        trouble: Trouble,
        asked_for: Option<Duration>,
        took: Duration,
    ) -> Option<Duration> {
        let (count, most) = match trouble {
            Trouble::Away => (&mut self.away, self.policy.away),
            Trouble::Wrong => (&mut self.wrong, self.policy.wrong),
            Trouble::Final => return None,
        };
        *count += 1;
        if *count > most {
            return None;
        }
        self.waited = self.waited.saturating_add(took);
        let left = self.policy.patience.saturating_sub(self.waited);
        if left.is_zero() {
            return None;
        }
        let own = self.delays.next().unwrap_or(self.policy.longest);
        let pause = own.max(asked_for.unwrap_or_default()).min(left);
        self.waited += pause;
        Some(pause)
    }

    /// Total waiting time so far.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> CallError {
        let retry_after = retry_after.map(Duration::from_secs);
        CallError::Status { url: "u".into(), status, body: String::new(), retry_after }
    }

    fn seconds(pause: Option<Duration>) -> Option<f64> {
        pause.map(|pause| pause.as_secs_f64())
    }

    #[test]
    fn pauses_grow_until_patience_ends() {
        let mut pauses = Policy::waiting(Duration::from_secs(100)).pauses();
        let instant = Duration::ZERO;
        let mut all = Vec::new();
        while let Some(pause) = pauses.after(&status(503, None), instant) {
            all.push(pause);
        }
        let millis: Vec<u128> = all.iter().map(Duration::as_millis).collect();
        assert_eq!(millis[..3], [200, 400, 800]);
        assert!(all.iter().all(|&pause| pause <= LONGEST), "{all:?}");
        assert_eq!(all.iter().sum::<Duration>(), Duration::from_secs(100));
    }

    #[test]
    fn a_server_that_says_when_is_asked_then() {
        let mut pauses = Policy::waiting(Duration::from_secs(100)).pauses();
        let instant = Duration::ZERO;
        assert_eq!(seconds(pauses.after(&status(429, Some(40)), instant)), Some(40.0));
        // It is called a last time at the end of patience, even if the server asked for a longer pause.
        assert_eq!(seconds(pauses.after(&status(429, Some(4000)), instant)), Some(60.0));
        assert_eq!(pauses.after(&status(429, Some(1)), instant), None);
    }

    #[test]
    fn an_attempt_that_takes_its_time_uses_up_patience() {
        let mut pauses = Policy::waiting(Duration::from_secs(10)).pauses();
        assert!(pauses.after(&status(504, None), Duration::from_secs(9)).is_some());
        assert!(pauses.after(&status(504, None), Duration::from_secs(9)).is_none());
    }

    #[test]
    fn wrong_answers_are_counted_and_a_refusal_is_final() {
        let mut pauses = Policy::waiting(Duration::from_secs(1000)).pauses();
        let wrong =
            (0..10).take_while(|_| pauses.after(&status(500, None), Duration::ZERO).is_some());
        assert_eq!(wrong.count(), 5);
        assert!(Policy::BRIEF.pauses().after(&status(401, None), Duration::ZERO).is_none());
    }
}

//! Lines for people on standard output: whatever it is, there is one every few seconds.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(5);

/// What was done, and what is left.
pub(super) struct Progress {
    /// Whether this rank speaks.
    speaks: bool,
    clock: Instant,
    said: Option<Instant>,
    /// Steps taken before this process began, and all.
    before: u64,
    steps: u64,
    tokens: usize,
}

impl Progress {
    pub fn new(speaks: bool, before: u64, steps: u64) -> Self {
        Self { speaks, clock: Instant::now(), said: None, before, steps, tokens: 0 }
    }

    /// Starts the clock.
    pub fn start(&mut self) {
        self.clock = Instant::now();
    }

    /// Says something now.
    pub fn say(&self, line: impl Display) {
        if self.speaks {
            // A reader that has gone must not end the training.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }

    /// A share of what is being done is done.
    pub fn within(&mut self, what: impl Display, share: f64) {
        if share < 1.0 && self.said.unwrap_or(self.clock).elapsed() >= EVERY {
            self.said = Some(Instant::now());
            self.say(format_args!("{what}  {:.0} % of it", 100.0 * share));
        }
    }

    /// A step was taken; `done` includes it.
    pub fn step(&mut self, done: u64, loss: f64, tokens: usize) {
        self.tokens += tokens;
        let due = self.said.is_none_or(|at| at.elapsed() >= EVERY);
        if due || done == self.steps {
            self.said = Some(Instant::now());
            let seconds = self.clock.elapsed().as_secs_f64();
            let speed = self.tokens as f64 / seconds;
            let left = (self.steps - done) as f64 * seconds / (done - self.before) as f64;
            let steps = self.steps;
            let left = duration(left);
            self.say(format_args!(
                "step {done}/{steps}  loss {loss:.4}  {speed:.0} tokens/s  {left} left"
            ));
        }
    }
}

fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        0..2 => format!("{seconds:.0} s"),
        2..120 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_for_people() {
        let cases = [(0.0, "0 s"), (89.0, "89 s"), (600.0, "10 min"), (9000.0, "2 h 30 min")];
        for (seconds, expected) in cases {
            assert_eq!(duration(seconds), expected);
        }
    }
}

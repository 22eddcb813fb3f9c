//! `code`: runs the last code block of a response on the tests of its problem, in the sandbox.
//!
//! The tests are the gold answer (`suite`). A program fails if it crashes, takes too long or does
//! something that the sandbox forbids; the reason says which.

mod block;
mod launch;
mod suite;

use std::time::Duration;

use futures::future::join_all;
use retrial_domain::{CodeSettings, Question, Reward, Submission};
use tokio::sync::Semaphore;

use crate::error::OpenError;
use crate::outcome::{Decision, Outcome, fingerprinted};
use crate::sandbox::Launcher;
use block::last_block;
use launch::{Ended, Python, Run};
use suite::Suite;

/// Attempts to run a program when the sandbox fails.
const ATTEMPTS: usize = 3;

/// Runs the code of responses.
#[derive(Debug)]
pub(crate) struct Code {
    python: Python,
    partial: bool,
    places: Semaphore,
}

/// How many tests passed, and why the first of the others did not.
#[derive(Debug, Default)]
struct Tally {
    passed: usize,
    all: usize,
    failure: Option<String>,
}

impl Code {
    /// Finds the Python and tries the sandbox.
    pub(crate) async fn open(
        settings: &CodeSettings,
        launcher: &Launcher,
    ) -> Result<Self, OpenError> {
        let python = Python::open(settings, launcher.clone()).await?;
        let places = Semaphore::new(settings.workers);
        Ok(Self { python, partial: settings.partial, places })
    }

    /// Whether the tests of a problem can be read. The error says why not.
    pub(crate) fn reads(question: &Question) -> Result<(), String> {
        Suite::read(&question.problem.answer).map(drop)
    }

    /// The outcome for each response.
    pub(crate) async fn judge(&self, submissions: &[Submission]) -> Vec<Outcome> {
        join_all(submissions.iter().map(|submission| self.one(submission))).await
    }

    async fn one(&self, submission: &Submission) -> Outcome {
        let suite = match Suite::read(&submission.question.problem.answer) {
            Ok(suite) => suite,
            Err(problem) => return Outcome::Unverified(problem),
        };
        let Some(code) = last_block(&submission.response) else {
            return Outcome::no_answer("no code block");
        };
        let _place = self.places.acquire().await.expect("the semaphore is never closed");
        let tally = match self.tests(code, &suite).await {
            Ok(tally) => tally,
            Err(problem) => {
                tracing::warn!(
                    submission = submission.id,
                    problem,
                    "a response could not be verified"
                );
                return Outcome::Unverified(problem);
            }
        };
        let share = tally.passed as f64 / tally.all as f64;
        let reward = if self.partial || tally.passed == tally.all { share } else { 0.0 };
        Outcome::Decided(Decision {
            reward: Reward::clamped(reward),
            answer: Some(fingerprinted(code)),
            unparsed: false,
            reason: tally.failure,
        })
    }

    async fn tests(&self, code: &str, suite: &Suite) -> Result<Tally, String> {
        match suite {
            Suite::Pairs(pairs) => {
                let mut tally = Tally { all: pairs.len(), ..Tally::default() };
                for (number, pair) in (1..).zip(pairs) {
                    let run = Run { code, assertions: None, stdin: &pair.stdin };
                    let ended = self.run(&run).await?;
                    let failure = match ended {
                        Ended::Exited { stdout, .. } if pair.is_answered_by(&stdout) => None,
                        Ended::Exited { .. } => Some("wrong output".to_owned()),
                        Ended::Failed(why) => Some(why),
                    };
                    match failure {
                        None => tally.passed += 1,
                        Some(why) => {
                            tally.failure.get_or_insert(format!("test {number}: {why}"));
                            if !self.partial {
                                break;
                            }
                        }
                    }
                }
                Ok(tally)
            }
            Suite::Assertions(assertions) => {
                let run = Run { code, assertions: Some(assertions), stdin: "" };
                let mut tally = Tally { all: assertions.len(), ..Tally::default() };
                match self.run(&run).await? {
                    Ended::Failed(why) => tally.failure = Some(why),
                    Ended::Exited { passed, failure, .. } => {
                        tally.passed = passed.min(tally.all);
                        let early = || "it exited before the tests were over".to_owned();
                        tally.failure =
                            (tally.passed < tally.all).then(|| failure.unwrap_or_else(early));
                    }
                }
                Ok(tally)
            }
        }
    }

    async fn run(&self, run: &Run<'_>) -> Result<Ended, String> {
        let mut problem = String::new();
        for _ in 0..ATTEMPTS {
            match self.python.run(run).await {
                Ok(ended) => return Ok(ended),
                Err(broken) => problem = broken,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(problem)
    }
}

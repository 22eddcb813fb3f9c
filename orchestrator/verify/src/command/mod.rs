//! `command`: programs that keep running and verify one submission after another.
//!
//! Each worker (`worker`) has one program (`process`) with several submissions open at once. When the
//! program fails, its open submissions are retried one at a time, so that a submission that breaks the
//! program fails alone.

mod last_words;
mod process;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::try_join_all;
use retrial_domain::{CommandSettings, Submission};
use retrial_grader::Extraction;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::error::{OpenError, Stopped};
use crate::outcome::{Outcome, answer_text};
use crate::wire::Sent;
use process::{OPEN_LINES, Process};
use worker::{Failure, Job, Worker};

/// Attempts for each submission.
const ATTEMPTS: usize = 3;

/// The programs of one verifier.
#[derive(Debug)]
pub(crate) struct Programs {
    workers: Vec<Queue>,
    /// One permit for each submission that may be open.
    places: Semaphore,
}

/// The queue of a worker.
#[derive(Debug)]
struct Queue {
    jobs: mpsc::UnboundedSender<Job>,
    /// Jobs that are queued or open.
    load: Arc<AtomicUsize>,
}

impl Programs {
    /// Starts the programs.
    pub(crate) fn open(settings: &CommandSettings) -> Result<Self, OpenError> {
        let start = |number| {
            let process = Process::start(settings, number)?;
            let (jobs, queue) = mpsc::unbounded_channel();
            tokio::spawn(Worker::new(settings.clone(), number, process).run(queue));
            Ok(Queue { jobs, load: Arc::default() })
        };
        let workers = (0..settings.workers).map(start).collect::<Result<Vec<_>, OpenError>>()?;
        let places = Semaphore::new(settings.workers * OPEN_LINES);
        Ok(Self { workers, places })
    }

    /// The outcome for each response.
    pub(crate) async fn judge(
        &self,
        submissions: &[Submission],
        extraction: Extraction,
    ) -> Result<Vec<Outcome>, Stopped> {
        try_join_all(submissions.iter().map(|submission| self.ask(submission, extraction))).await
    }

    async fn ask(
        &self,
        submission: &Submission,
        extraction: Extraction,
    ) -> Result<Outcome, Stopped> {
        let _place = self.places.acquire().await.expect("the semaphore is never closed");
        let found = answer_text(submission, extraction);
        let mut line = serde_json::to_string(&Sent::new(submission, found.as_deref()))
            .expect("text can be written as JSON");
        line.push('\n');
        let line: Arc<str> = line.into();
        let mut problems = Vec::new();
        let mut before = None;
        for attempt in 0..ATTEMPTS {
            let (number, queue) = self.idlest(before);
            before = Some(number);
            let (reply, answer) = oneshot::channel();
            let job = Job {
                id: submission.id.clone(),
                line: Arc::clone(&line),
                found: found.clone(),
                alone: attempt > 0,
                reply,
            };
            queue.load.fetch_add(1, Ordering::Relaxed);
            // If the worker has stopped, the job is dropped and so is its reply channel.
            drop(queue.jobs.send(job));
            let answer = answer.await;
            queue.load.fetch_sub(1, Ordering::Relaxed);
            match answer {
                Ok(Ok(outcome)) => return Ok(outcome),
                Ok(Err(Failure::Attempt(problem))) => problems.push(problem),
                Ok(Err(Failure::Verifier(problem))) => return Err(Stopped::new(problem)),
                Err(_) => return Err(Stopped::new("a worker of the verifier has stopped")),
            }
        }
        let problem = problems.pop().unwrap_or_default();
        tracing::warn!(submission = submission.id, problem, "a response could not be verified");
        Ok(Outcome::Unverified(format!(
            "{ATTEMPTS} attempts failed, the last one because {problem}"
        )))
    }

    /// The worker with the fewest jobs, other than the one before if there is another.
    fn idlest(&self, before: Option<usize>) -> (usize, &Queue) {
        let others = self.workers.len() > 1;
        let all = self.workers.iter().enumerate();
        all.filter(|&(number, _)| !others || before != Some(number))
            .min_by_key(|(_, queue)| queue.load.load(Ordering::Relaxed))
            .expect("there is at least one worker")
    }
}

//! `command`: programs that are started once and kept.
//!
//! Each worker has a program (`process`) and sends it as many lines as it may have open (`worker`).
//! A submission whose program broke is asked again alone, so that it can only be itself to blame if
//! that breaks too; then it is given up on, and its neighbours are not.

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
use crate::opinion::{Opinion, answer_text};
use crate::wire::Sent;
use process::{OPEN_LINES, Process};
use worker::{Job, Lost, Worker};

/// How often a submission is asked about.
const ATTEMPTS: usize = 3;

/// The programs.
#[derive(Debug)]
pub(crate) struct Programs {
    workers: Vec<Queue>,
    /// As many as all programs together may have open.
    places: Semaphore,
}

/// The way to a worker.
#[derive(Debug)]
struct Queue {
    jobs: mpsc::UnboundedSender<Job>,
    /// Jobs it has.
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

    /// What the programs say of responses.
    pub(crate) async fn judge(
        &self,
        submissions: &[Submission],
        extraction: Extraction,
    ) -> Result<Vec<Opinion>, Stopped> {
        try_join_all(submissions.iter().map(|submission| self.ask(submission, extraction))).await
    }

    async fn ask(
        &self,
        submission: &Submission,
        extraction: Extraction,
    ) -> Result<Opinion, Stopped> {
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
            // A worker that has gone drops the job, and with it the reply.
            drop(queue.jobs.send(job));
            let answer = answer.await;
            queue.load.fetch_sub(1, Ordering::Relaxed);
            match answer {
                Ok(Ok(opinion)) => return Ok(opinion),
                Ok(Err(Lost::Here(problem))) => problems.push(problem),
                Ok(Err(Lost::Everywhere(problem))) => return Err(Stopped::new(problem)),
                Err(_) => return Err(Stopped::new("a worker of the verifier has ended")),
            }
        }
        let problem = problems.pop().unwrap_or_default();
        tracing::warn!(submission = submission.id, problem, "a verdict was given up on");
        Ok(Opinion::GivenUp(format!("the verifier was asked {ATTEMPTS} times: {problem}")))
    }

    /// The worker with the fewest jobs; another than before, if there is one.
    fn idlest(&self, before: Option<usize>) -> (usize, &Queue) {
        let others = self.workers.len() > 1;
        let all = self.workers.iter().enumerate();
        all.filter(|&(number, _)| !others || before != Some(number))
            .min_by_key(|(_, queue)| queue.load.load(Ordering::Relaxed))
            .expect("there is at least one worker")
    }
}

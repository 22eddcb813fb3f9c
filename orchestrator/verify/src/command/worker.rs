//! A worker: sends submissions from its queue to one program, reads verdicts, enforces the time limit,
//! and restarts the program when it fails.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use retrial_domain::CommandSettings;
use retrial_servers::Policy;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::process::{Ending, OPEN_LINES, Process};
use crate::outcome::Outcome;
use crate::wire::Received;

/// Extra time until the first verdict of a program: imports take seconds.
const STARTUP: Duration = Duration::from_mins(1);
/// Characters of a line that an error quotes.
const QUOTED: usize = 100;

/// A submission in the queue.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) line: Arc<str>,
    /// The answer extracted from the response.
    pub(super) found: Option<String>,
    /// Whether the program may have no other submission open at the same time.
    pub(super) alone: bool,
    pub(super) reply: oneshot::Sender<Result<Outcome, Failure>>,
}

/// Why there is no verdict.
#[derive(Debug)]
pub(super) enum Failure {
    /// This attempt failed; the next one may succeed.
    Attempt(String),
    /// The program does not work at all; no attempt will succeed.
    Verifier(String),
}

/// A job that the program has not answered yet.
#[derive(Debug)]
struct Open {
    job: Job,
    until: Instant,
}

/// A worker and its program.
#[derive(Debug)]
pub(super) struct Worker {
    settings: CommandSettings,
    number: usize,
    process: Option<Process>,
    open: HashMap<String, Open>,
    /// Whether the program has given a verdict since it was started.
    has_answered: bool,
}

/// What a worker waits for.
enum Event {
    Job(Option<Job>),
    Line(Option<Vec<u8>>),
    Late,
}

impl Worker {
    pub(super) fn new(settings: CommandSettings, number: usize, process: Process) -> Self {
        let open = HashMap::new();
        Self { settings, number, process: Some(process), open, has_answered: false }
    }

    /// Works until the queue is closed, or the program can no longer be restarted.
    pub(super) async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        let mut pauses = Policy::BRIEF.pauses();
        let mut held: Option<Job> = None;
        loop {
            held = held.and_then(|job| self.send(job));
            let event = self.next(&mut jobs, held.is_none()).await;
            let is_ending = matches!(event, Event::Line(None));
            let broken = match event {
                Event::Job(None) => return,
                Event::Job(job) => {
                    held = job;
                    continue;
                }
                Event::Late => {
                    let seconds = self.settings.timeout_seconds;
                    format!("it did not answer within {seconds} s ([reward] timeout_seconds)")
                }
                Event::Line(None) => "it closed its standard output".to_owned(),
                Event::Line(Some(line)) => match self.verdict(&line) {
                    Ok(()) => {
                        pauses = Policy::BRIEF.pauses();
                        continue;
                    }
                    Err(problem) => problem,
                },
            };
            let problem = self.break_off(broken, is_ending).await;
            while self.process.is_none() {
                let Some(pause) = pauses.after_nobody(Duration::ZERO) else {
                    return self.refuse(held, jobs, &problem).await;
                };
                sleep(pause).await;
                match Process::start(&self.settings, self.number) {
                    Ok(process) => self.process = Some(process),
                    Err(error) => tracing::warn!(%error, "cannot start the verifier"),
                }
            }
        }
    }

    /// Sends a job, or returns it if it must wait.
    fn send(&mut self, job: Job) -> Option<Job> {
        let alone = job.alone || self.open.values().any(|open| open.job.alone);
        let most = if alone { 0 } else { OPEN_LINES - 1 };
        let process = self.process.as_ref()?;
        if self.open.len() > most || self.open.contains_key(&job.id) {
            return Some(job);
        }
        process.send(Arc::clone(&job.line));
        // A program may work on its submissions one by one, so each also waits for those before it.
        let turns = self.open.len() as f64 + 1.0;
        let mut time = Duration::from_secs_f64(self.settings.timeout_seconds * turns);
        if !self.has_answered {
            time += STARTUP;
        }
        self.open.insert(job.id.clone(), Open { job, until: Instant::now() + time });
        None
    }

    async fn next(&mut self, jobs: &mut mpsc::UnboundedReceiver<Job>, takes_jobs: bool) -> Event {
        let deadline = self.open.values().map(|open| open.until).min();
        let process = self.process.as_mut().expect("the program is restarted before this");
        tokio::select! {
            // A verdict that has already arrived is not late.
            biased;
            line = process.line() => Event::Line(line),
            job = jobs.recv(), if takes_jobs => Event::Job(job),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Event::Late,
        }
    }

    /// Forwards a verdict. The error says why the program must be restarted.
    fn verdict(&mut self, line: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(line);
        let quoted = || text.chars().take(QUOTED).collect::<String>();
        let received: Received = serde_json::from_slice(line).map_err(|error| {
            format!(
                "it wrote `{}`, which is not a verdict: {error}; write anything else to standard \
                 error",
                quoted()
            )
        })?;
        let Some(Open { job, .. }) = self.open.remove(&received.id) else {
            return Err(format!("it wrote `{}`: no open submission has this id", quoted()));
        };
        self.has_answered = true;
        let outcome = received.outcome(job.found.as_deref()).map_err(Failure::Attempt);
        // The receiver may no longer exist.
        drop(job.reply.send(outcome));
        Ok(())
    }

    /// Kills the program. Its open submissions fail this attempt.
    async fn break_off(&mut self, problem: String, is_ending: bool) -> String {
        self.has_answered = false;
        let problem = match self.process.take() {
            Some(process) => {
                let Ending { status, last_words } = process.end(is_ending).await;
                // The exit status says more than what was observed.
                let own = status.map(|status| format!("it exited, {status}"));
                format!("{}{last_words}", own.unwrap_or(problem))
            }
            None => problem,
        };
        tracing::warn!(worker = self.number, problem, "restarting the verifier");
        for (_, Open { job, .. }) in self.open.drain() {
            drop(job.reply.send(Err(Failure::Attempt(problem.clone()))));
        }
        problem
    }

    /// Fails all jobs, present and future.
    async fn refuse(
        &self,
        held: Option<Job>,
        mut jobs: mpsc::UnboundedReceiver<Job>,
        problem: &str,
    ) {
        let said = format!(
            "the verifier `{}` failed repeatedly without giving a verdict: {problem}\n\
             hint: test it with `retrial grade --reward FILE.toml RESPONSES.jsonl`",
            self.settings.command.join(" ")
        );
        let mut next = held;
        loop {
            let job = match next.take() {
                Some(job) => Some(job),
                None => jobs.recv().await,
            };
            let Some(job) = job else { return };
            drop(job.reply.send(Err(Failure::Verifier(said.clone()))));
        }
    }
}

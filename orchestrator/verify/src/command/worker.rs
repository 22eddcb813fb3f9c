//! What stands between a queue of submissions and one program: it sends, reads, watches the time, and
//! starts the program again when that breaks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use retrial_domain::CommandSettings;
use retrial_servers::Policy;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::process::{Ending, OPEN_LINES, Process};
use crate::opinion::Opinion;
use crate::wire::Received;

/// What a program may take to begin, until its first verdict: imports take seconds.
const TO_BEGIN: Duration = Duration::from_mins(1);
/// Characters of a line that are quoted.
const QUOTED: usize = 100;

/// A submission to be asked about.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) line: Arc<str>,
    /// The answer in it, by the rules of extraction.
    pub(super) found: Option<String>,
    /// Nothing else may be open while it is asked about.
    pub(super) alone: bool,
    pub(super) reply: oneshot::Sender<Result<Opinion, Lost>>,
}

/// Why there is no verdict.
#[derive(Debug)]
pub(super) enum Lost {
    /// This attempt failed; another may not.
    Here(String),
    /// The program does not work at all.
    Everywhere(String),
}

/// A job that was sent.
#[derive(Debug)]
struct Open {
    job: Job,
    until: Instant,
}

/// A worker.
#[derive(Debug)]
pub(super) struct Worker {
    settings: CommandSettings,
    number: usize,
    process: Option<Process>,
    open: HashMap<String, Open>,
    /// Whether the program has given a verdict since it was started.
    has_begun: bool,
}

/// What happens next.
enum Event {
    Job(Option<Job>),
    Line(Option<Vec<u8>>),
    Late,
}

impl Worker {
    pub(super) fn new(settings: CommandSettings, number: usize, process: Process) -> Self {
        let open = HashMap::new();
        Self { settings, number, process: Some(process), open, has_begun: false }
    }

    /// Works until nobody has jobs any more, or the program does not come back.
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
                    Err(error) => tracing::warn!(%error, "the verifier is not there"),
                }
            }
        }
    }

    /// Sends a job, if it may be sent now.
    fn send(&mut self, job: Job) -> Option<Job> {
        let alone = job.alone || self.open.values().any(|open| open.job.alone);
        let most = if alone { 0 } else { OPEN_LINES - 1 };
        let process = self.process.as_ref()?;
        if self.open.len() > most || self.open.contains_key(&job.id) {
            return Some(job);
        }
        process.send(Arc::clone(&job.line));
        // A program may answer one after the other: each waits for those before it.
        let turns = self.open.len() as f64 + 1.0;
        let mut time = Duration::from_secs_f64(self.settings.timeout_seconds * turns);
        if !self.has_begun {
            time += TO_BEGIN;
        }
        self.open.insert(job.id.clone(), Open { job, until: Instant::now() + time });
        None
    }

    async fn next(&mut self, jobs: &mut mpsc::UnboundedReceiver<Job>, takes_jobs: bool) -> Event {
        let deadline = self.open.values().map(|open| open.until).min();
        let process = self.process.as_mut().expect("it is started again before it goes on");
        tokio::select! {
            // What has arrived is read before it is said to be late.
            biased;
            line = process.line() => Event::Line(line),
            job = jobs.recv(), if takes_jobs => Event::Job(job),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Event::Late,
        }
    }

    /// Hands on a verdict. The error says why the program is not to be trusted any more.
    fn verdict(&mut self, line: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(line);
        let quoted = || text.chars().take(QUOTED).collect::<String>();
        let received: Received = serde_json::from_slice(line).map_err(|error| {
            format!(
                "it wrote `{}`, which is no verdict: {error}; what is not a verdict belongs on \
                 standard error",
                quoted()
            )
        })?;
        let Some(Open { job, .. }) = self.open.remove(&received.id) else {
            return Err(format!("it wrote `{}`: nobody has asked about this id", quoted()));
        };
        self.has_begun = true;
        let opinion = received.opinion(job.found.as_deref()).map_err(Lost::Here);
        // Whoever asked may have gone.
        drop(job.reply.send(opinion));
        Ok(())
    }

    /// Ends a program that cannot be trusted; what it has not answered is lost here.
    async fn break_off(&mut self, problem: String, is_ending: bool) -> String {
        self.has_begun = false;
        let problem = match self.process.take() {
            Some(process) => {
                let Ending { status, last_words } = process.end(is_ending).await;
                // Its own status says more than what was seen of it.
                let own = status.map(|status| format!("it ended by itself, {status}"));
                format!("{}{last_words}", own.unwrap_or(problem))
            }
            None => problem,
        };
        tracing::warn!(worker = self.number, problem, "the verifier is started again");
        for (_, Open { job, .. }) in self.open.drain() {
            drop(job.reply.send(Err(Lost::Here(problem.clone()))));
        }
        problem
    }

    /// Answers every job that there will be: the program does not work.
    async fn refuse(
        &self,
        held: Option<Job>,
        mut jobs: mpsc::UnboundedReceiver<Job>,
        problem: &str,
    ) {
        let said = format!(
            "the verifier `{}` broke again and again without a verdict: {problem}\n\
             hint: try it by `retrial grade --reward FILE.toml RESPONSES.jsonl`",
            self.settings.command.join(" ")
        );
        let mut next = held;
        loop {
            let job = match next.take() {
                Some(job) => Some(job),
                None => jobs.recv().await,
            };
            let Some(job) = job else { return };
            drop(job.reply.send(Err(Lost::Everywhere(said.clone()))));
        }
    }
}

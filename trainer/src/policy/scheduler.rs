//! The thread that owns the weights and the cache: continuous batching.
//!
//! One round: read the new commands, admit waiting sequences while there is room, sample one
//! token for every running sequence. A response depends on its prompt, its seed and the weights
//! alone, never on what else is in the batch: prompts are computed beside prompts of the same
//! padded length only, and the cache pads what is decoded (see [`crate::model::KvCache`]).
//!
//! When libtorch fails, the affected requests get the error. The thread continues.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use retrial_native::cpu::Pool;
use retrial_native::torch::{TorchError, attempt};
use retrial_text::Text;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::command::{Command, Completion, Options, PauseMode, Reply};
use super::forward::{Forward, Prefilled};
use super::metrics::Metrics;
use super::prefill::{self, Batch};
use super::requests::{Request, Requests};
use super::sequence::{Chooser, Finish, Job, Sequence};
use crate::model::Decoder;

pub(super) struct Scheduler {
    forward: Forward,
    pool: Pool,
    chooser: Chooser,
    options: Options,
    /// Memory that the cache may take, unless a single sequence takes more.
    cache_bytes: usize,
    commands: mpsc::UnboundedReceiver<Command>,
    metrics: Arc<Metrics>,
    requests: Requests,
    waiting: VecDeque<Sequence>,
    /// Sequence i is row i of the cache.
    running: Vec<Sequence>,
    state: State,
    version: Arc<str>,
    /// Where the weights came from.
    folder: PathBuf,
}

enum State {
    Running,
    /// Draining: sequences in flight are finished, then the server is paused; later ones are in `held`.
    Draining {
        held: VecDeque<Sequence>,
        replies: Vec<oneshot::Sender<()>>,
    },
    Paused,
}

impl Scheduler {
    pub(super) fn new(
        model: Decoder,
        folder: PathBuf,
        text: Arc<Text>,
        (options, cache_bytes): (Options, usize),
        pool: Pool,
        commands: mpsc::UnboundedReceiver<Command>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let mut end_tokens = model.config().end_tokens.clone();
        end_tokens.extend(text.end_tokens());
        Self {
            forward: Forward::new(model, options, cache_bytes),
            pool,
            chooser: Chooser { mode: options.logprobs, text, end_tokens },
            options,
            cache_bytes,
            commands,
            metrics,
            requests: Requests::default(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            state: State::Running,
            version: "default".into(),
            folder,
        }
    }

    /// Works until the last handle is dropped.
    pub(super) fn run(mut self) {
        let _no_gradients = tch::no_grad_guard();
        while self.take_commands() {
            if matches!(self.state, State::Paused) {
                continue;
            }
            let round = attempt(|| {
                self.admit();
                self.decode();
            });
            if let Err(error) = round {
                self.fail_incomplete(&error);
            }
            self.end_drain();
        }
    }

    /// Reads all new commands, and waits for one if there is nothing else to do. False
    /// when no more can come.
    fn take_commands(&mut self) -> bool {
        self.report();
        let idle = self.waiting.is_empty() && self.running.is_empty();
        if idle || matches!(self.state, State::Paused) {
            match self.commands.blocking_recv() {
                Some(command) => self.obey(command),
                None => return false,
            }
        }
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.obey(command),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Updates the gauges, before the caller of a command gets its answer.
    fn report(&self) {
        let held = if let State::Draining { held, .. } = &self.state { held.len() } else { 0 };
        self.metrics.running.store(self.running.len(), Ordering::Relaxed);
        self.metrics.waiting.store(self.waiting.len() + held, Ordering::Relaxed);
    }

    fn obey(&mut self, command: Command) {
        // The caller may have disconnected: then nobody needs the answer.
        match command {
            Command::Generate { job, reply } => self.enqueue(&job, reply),
            Command::HungUp => self.drop_abandoned(),
            Command::Pause { mode, clear_cache, reply } => self.pause(mode, clear_cache, reply),
            Command::Resume { reply } => {
                self.resume();
                let _ = reply.send(());
            }
            Command::IsPaused { reply } => {
                let _ = reply.send(!matches!(self.state, State::Running));
            }
            Command::Reload { folder, reply } => {
                let _ = reply.send(self.reload(folder));
            }
            Command::SetVersion { version, reply } => {
                self.version = version;
                let _ = reply.send(());
            }
            Command::Version { reply } => {
                let _ = reply.send(Arc::clone(&self.version));
            }
        }
        self.report();
    }

    fn enqueue(&mut self, job: &Arc<Job>, reply: Reply) {
        let id = self.requests.add(job.n, reply);
        let queue = match &mut self.state {
            State::Draining { held, .. } => held,
            State::Running | State::Paused => &mut self.waiting,
        };
        queue.extend((0..job.n).map(|child| Sequence::new(id, child, Arc::clone(job))));
    }

    fn drop_abandoned(&mut self) {
        let abandoned = self.requests.take_abandoned();
        self.forget(&abandoned, &Finish::Abort);
        self.end_drain();
    }

    /// Drops all sequences of removed requests.
    fn forget(&mut self, gone: &HashSet<u64>, finish: &Finish) {
        if gone.is_empty() {
            return;
        }
        let mut keep = |sequence: &Sequence| {
            let keep = !gone.contains(&sequence.request);
            if !keep {
                self.metrics.finished(finish);
            }
            keep
        };
        self.waiting.retain(&mut keep);
        if let State::Draining { held, .. } = &mut self.state {
            held.retain(&mut keep);
        }
        let rows: Vec<usize> =
            (0..self.running.len()).filter(|&row| !keep(&self.running[row])).collect();
        for row in rows.into_iter().rev() {
            self.remove(row);
        }
    }

    /// Answers some requests with an error, and drops their sequences.
    fn fail(&mut self, ids: &HashSet<u64>, error: &TorchError) {
        tracing::error!(%error, requests = ids.len(), "a forward pass failed");
        self.forget(ids, &Finish::Broken);
        self.report();
        self.requests.fail(ids, error);
    }

    /// Cleans up after a round that failed at any point: the cache is cleared,
    /// and every request with unfinished sequences outside the queue fails.
    fn fail_incomplete(&mut self, error: &TorchError) {
        self.forward.clear();
        for _ in self.running.drain(..) {
            self.metrics.finished(&Finish::Broken);
        }
        let held = if let State::Draining { held, .. } = &self.state { Some(held) } else { None };
        let queue = self.waiting.iter().chain(held.into_iter().flatten());
        let ids = self.requests.incomplete(queue);
        self.fail(&ids, error);
    }

    fn pause(&mut self, mode: PauseMode, clear_cache: bool, reply: oneshot::Sender<()>) {
        if mode == PauseMode::Wait && matches!(self.state, State::Running) {
            let (held, replies) = (VecDeque::new(), vec![reply]);
            self.state = State::Draining { held, replies };
            return self.end_drain();
        }
        if let (PauseMode::Wait, State::Draining { replies, .. }) = (mode, &mut self.state) {
            replies.push(reply);
            return;
        }
        self.stop_draining(State::Paused);
        match mode {
            PauseMode::Abort => self.abort(),
            PauseMode::Keep if clear_cache => self.preempt(),
            PauseMode::Keep | PauseMode::Wait => {}
        }
        self.report();
        let _ = reply.send(());
    }

    fn resume(&mut self) {
        self.stop_draining(State::Running);
    }

    /// Changes to `state`. Held sequences join the queue, and a caller that waits for a drain is told
    /// that it is over.
    fn stop_draining(&mut self, state: State) {
        if let State::Draining { held, replies } = std::mem::replace(&mut self.state, state) {
            self.waiting.extend(held);
            self.report();
            for reply in replies {
                let _ = reply.send(());
            }
        }
    }

    fn end_drain(&mut self) {
        let drained = self.waiting.is_empty() && self.running.is_empty();
        if drained && matches!(self.state, State::Draining { .. }) {
            self.stop_draining(State::Paused);
        }
    }

    /// Aborts all sequences.
    fn abort(&mut self) {
        self.forward.clear();
        let sequences: Vec<_> = self.running.drain(..).chain(self.waiting.drain(..)).collect();
        for sequence in sequences {
            self.finish(sequence, Finish::Abort);
        }
    }

    /// Moves running sequences to the front of the queue, to recompute their keys and values.
    fn preempt(&mut self) {
        self.forward.clear();
        self.metrics.preemptions.fetch_add(self.running.len() as u64, Ordering::Relaxed);
        for sequence in self.running.drain(..).rev() {
            self.waiting.push_front(sequence);
        }
    }

    fn reload(&mut self, folder: Option<PathBuf>) -> Result<(), String> {
        let folder = folder.unwrap_or_else(|| self.folder.clone());
        // Only the read can fail, before any weight is replaced.
        attempt(|| self.forward.reload(&folder))
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        tracing::info!(folder = %folder.display(), "reloaded the weights");
        self.folder = folder;
        self.preempt();
        Ok(())
    }

    /// Computes the prompts of waiting sequences that fit, and samples their first tokens.
    fn admit(&mut self) {
        let count = self.fitting();
        for batch in prefill::batches(self.waiting.drain(..count), self.forward.mixes_lengths()) {
            self.prefill(batch);
        }
    }

    /// How many of the waiting sequences fit, in places and memory, however long they and the
    /// running ones become, so that none is preempted later. At least one, if none is running.
    fn fitting(&self) -> usize {
        let running = self.running.len();
        let waiting = self.waiting.iter().take(self.options.max_sequences - running);
        let most: Vec<usize> = self.running.iter().chain(waiting).map(Sequence::longest).collect();
        let fits = |count: &usize| self.forward.most_cache(&most[..*count]) <= self.cache_bytes;
        let more = (running.max(1) + 1..=most.len()).take_while(fits).count();
        (running.max(1) + more).min(most.len()) - running
    }

    fn prefill(&mut self, mut batch: Batch) {
        // A request of an earlier batch may have failed.
        batch.rows.retain(|row| self.requests.contains(row[0].request));
        if batch.rows.is_empty() {
            return;
        }
        let prompts: Vec<Vec<u32>> = batch.rows.iter().map(|row| row[0].ids().collect()).collect();
        let is_scored = |row: &Vec<Sequence>| row[0].job().prompt_logprobs.is_some();
        let scored: Vec<bool> = batch.rows.iter().map(is_scored).collect();
        let computed = match attempt(|| self.forward.prefill(&prompts, &scored, &self.pool)) {
            Ok(computed) => computed,
            Err(error) => {
                let ids = batch.rows.iter().map(|row| row[0].request).collect();
                return self.fail(&ids, &error);
            }
        };
        for (row, mut sequences) in batch.rows.into_iter().enumerate() {
            let first = &sequences[0];
            let length = first.length();
            if first.is_fresh() {
                self.metrics.prompt_tokens.fetch_add(length as u64, Ordering::Relaxed);
            }
            self.score_prompt(first, &computed, row);
            let logits = computed.logits(row);
            let finishes =
                self.chooser.step(sequences.iter_mut().map(|one| (one, logits)), &self.pool);
            for (sequence, finish) in sequences.into_iter().zip(finishes) {
                self.metrics.generation_tokens.fetch_add(1, Ordering::Relaxed);
                if let Some(finish) = finish {
                    self.finish(sequence, finish);
                } else {
                    self.forward.push(&computed, row, length);
                    self.running.push(sequence);
                }
            }
        }
    }

    fn score_prompt(&mut self, sequence: &Sequence, computed: &Prefilled, row: usize) {
        let job = sequence.job();
        let request = self.requests.get_mut(sequence.request);
        if let (Some(top), Some(request)) = (job.prompt_logprobs, request)
            && request.prompt_scores.is_none()
        {
            let scores = self.forward.score(computed, row, &job.prompt, top, &self.pool);
            request.prompt_scores = Some(scores);
        }
    }

    /// One token for every running sequence.
    fn decode(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let last: Vec<u32> = self.running.iter().map(Sequence::last).collect();
        self.forward.decode(&last, &self.pool);
        self.metrics.generation_tokens.fetch_add(last.len() as u64, Ordering::Relaxed);
        let rows = self.running.iter_mut().enumerate();
        let rows = rows.map(|(row, sequence)| (sequence, self.forward.logits(row)));
        let finishes = self.chooser.step(rows, &self.pool).into_iter().enumerate();
        let finished: Vec<(usize, Finish)> =
            finishes.filter_map(|(row, finish)| Some((row, finish?))).collect();
        let broken = finished.iter().any(|(_, finish)| *finish == Finish::Broken);
        // From the back, so that the sequence that moves to a free row is not finished itself.
        for (row, finish) in finished.into_iter().rev() {
            let sequence = self.remove(row);
            self.finish(sequence, finish);
        }
        if broken {
            self.preempt();
            self.forward.scrub();
        }
    }

    fn remove(&mut self, row: usize) -> Sequence {
        self.forward.swap_remove(row);
        self.running.swap_remove(row)
    }

    /// Records a finished sequence, and answers its request if it was the last.
    fn finish(&mut self, sequence: Sequence, finish: Finish) {
        self.metrics.finished(&finish);
        let (id, child) = (sequence.request, sequence.child);
        let done = self.requests.finished(id, child, sequence.finish(finish));
        if let Some(Request { reply, outputs, prompt_scores }) = done {
            self.report();
            let _ = reply.send(Ok(Completion {
                outputs: outputs.into_iter().flatten().collect(),
                prompt_scores,
                weight_version: Arc::clone(&self.version),
            }));
        }
    }
}

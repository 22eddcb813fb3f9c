//! The handle of the sampling thread.
//!
//! Handlers of any number of connections talk to the one thread that owns model and cache through
//! its queue of commands; each command carries the channel of its answer. When a client
//! disconnects, its handler is dropped, the channel closes, and its sequences are removed.

use std::path::PathBuf;
use std::sync::Arc;

use retrial_native::cpu::Pool;
use retrial_native::torch::attempt;
use retrial_text::Text;
use tokio::sync::{mpsc, oneshot};

use super::command::{Command, Completion, EngineGone, GenerateError, Options, PauseMode};
use super::forward::Forward;
use super::memory;
use super::metrics::Metrics;
use super::scheduler::Scheduler;
use super::sequence::Job;
use crate::model::Decoder;

/// The handle. Clones share the thread, which ends with the last of them.
#[derive(Clone)]
pub struct Engine {
    commands: mpsc::UnboundedSender<Command>,
    metrics: Arc<Metrics>,
}

/// Tells the thread to remove requests whose clients have disconnected.
struct HangUp<'a>(&'a Engine);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        let _ = self.0.commands.send(Command::HungUp);
    }
}

impl Engine {
    /// Starts the thread on `model`, whose weights come from `folder`. The cache may take most
    /// of the free memory.
    pub fn start(
        model: Decoder,
        folder: PathBuf,
        text: Arc<Text>,
        options: Options,
    ) -> std::io::Result<Self> {
        Self::start_within(model, folder, text, options, memory::for_cache())
    }

    /// Starts the thread with this much memory for the cache, bytes. A sequence that may need more than
    /// is free waits, unless it is the only one.
    pub fn start_within(
        model: Decoder,
        folder: PathBuf,
        text: Arc<Text>,
        options: Options,
        cache_bytes: usize,
    ) -> std::io::Result<Self> {
        let (commands, queue) = mpsc::unbounded_channel();
        let metrics = Arc::new(Metrics::default());
        let shared = Arc::clone(&metrics);
        let threads = Forward::threads(&model, options);
        let pool = Pool::new(threads.into()).map_err(std::io::Error::other)?;
        std::thread::Builder::new().name("engine".into()).spawn(move || {
            tch::set_num_threads(i32::from(threads));
            let limits = (options, cache_bytes);
            let make = || Scheduler::new(model, folder, text, limits, pool, queue, shared);
            match attempt(make) {
                Ok(scheduler) => scheduler.run(),
                Err(error) => tracing::error!(%error, "the cache could not be made"),
            }
        })?;
        Ok(Self { commands, metrics })
    }

    /// Counters and gauges.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether the thread has ended.
    pub fn is_gone(&self) -> bool {
        self.commands.is_closed()
    }

    /// Waits until the thread has ended.
    pub async fn gone(&self) {
        self.commands.closed().await;
    }

    /// Samples the responses of a job.
    pub async fn generate(&self, job: Job) -> Result<Completion, GenerateError> {
        let _hang_up = HangUp(self);
        let asked = self.ask(|reply| Command::Generate { job: Arc::new(job), reply }).await;
        asked?
    }

    /// Pauses sampling; returns when it is paused. Later requests wait. Clearing the
    /// cache makes sequences that stay recompute their keys and values.
    pub async fn pause(&self, mode: PauseMode, clear_cache: bool) -> Result<(), EngineGone> {
        self.ask(|reply| Command::Pause { mode, clear_cache, reply }).await
    }

    /// Resumes sampling.
    pub async fn resume(&self) -> Result<(), EngineGone> {
        self.ask(|reply| Command::Resume { reply }).await
    }

    /// Whether sampling is paused, or about to be.
    pub async fn is_paused(&self) -> Result<bool, EngineGone> {
        self.ask(|reply| Command::IsPaused { reply }).await
    }

    /// Replaces the weights with those of `folder`, or of the folder that was loaded last. Sequences
    /// in flight continue with the new weights, over recomputed keys and
    /// values. On an error the old weights stay.
    pub async fn reload(&self, folder: Option<PathBuf>) -> Result<Result<(), String>, EngineGone> {
        self.ask(|reply| Command::Reload { folder, reply }).await
    }

    /// Sets the label of the weights.
    pub async fn set_version(&self, version: &str) -> Result<(), EngineGone> {
        self.ask(|reply| Command::SetVersion { version: version.into(), reply }).await
    }

    /// The label of the weights.
    pub async fn version(&self) -> Result<Arc<str>, EngineGone> {
        self.ask(|reply| Command::Version { reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, EngineGone> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).map_err(|_| EngineGone)?;
        answer.await.map_err(|_| EngineGone)
    }
}

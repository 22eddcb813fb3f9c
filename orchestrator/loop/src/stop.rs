//! What a person or a supervisor says with a signal: once, end after the step that is under way;
//! twice, end at once. Nothing is lost either way, the step would only be made again.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use retrial_log::tell;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Exit code of a run that was told to end.
pub const INTERRUPTED: u8 = 130;

/// Whether the run was told to end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<State>);

#[derive(Debug, Default)]
struct State {
    requested: AtomicBool,
    /// Whether nothing is under way that must be finished first.
    idle: AtomicBool,
    told: Notify,
}

impl Stop {
    /// Listens for Ctrl-C and SIGTERM from here on.
    pub fn on_signals() -> Result<Self> {
        let stop = Self::default();
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let (mut interrupt, mut terminate) =
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        let told = stop.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if told.0.requested.swap(true, Ordering::SeqCst) {
                    tell("stopped; go on with --resume");
                    exit(INTERRUPTED.into());
                }
                if !told.0.idle.load(Ordering::SeqCst) {
                    tell("stopping after this step; once more to stop at once");
                }
                told.0.told.notify_one();
            }
        });
        Ok(stop)
    }

    /// Whether it was told.
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Waits until it is told, with nothing under way.
    pub async fn wait(&self) {
        self.0.idle.store(true, Ordering::SeqCst);
        self.0.told.notified().await;
    }
}

//! Signals: the first one stops the run after the current step; the
//! second one at once. Nothing is lost either way; the step would only be repeated.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use retrial_log::tell;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Exit code of a run that was stopped.
pub const INTERRUPTED: u8 = 130;

/// Whether the run was told to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<State>);

#[derive(Debug, Default)]
struct State {
    requested: AtomicBool,
    /// Whether the run may stop at once, because nothing is in progress.
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
                    tell("stopped; continue with --resume");
                    exit(INTERRUPTED.into());
                }
                if !told.0.idle.load(Ordering::SeqCst) {
                    tell("stopping after this step; signal again to stop at once");
                }
                told.0.told.notify_one();
            }
        });
        Ok(stop)
    }

    /// Whether it was told to stop.
    pub fn requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// Waits for the request to stop, with nothing in progress.
    pub async fn wait(&self) {
        self.0.idle.store(true, Ordering::SeqCst);
        self.0.told.notified().await;
    }
}

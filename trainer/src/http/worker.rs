//! The thread that owns the trainer. libtorch's work is long and blocking, and updates must run one
//! after another: requests are queued here. While the queue is empty, the other ranks get a keep-alive. The
//! thread ends when the last handle is dropped, or when the trainer cannot continue.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};

use anyhow::{Context, Result};
use tokio::sync::{oneshot, watch};

use crate::trainer::{Trainer, Unusable};

type Job = Box<dyn FnOnce(&mut Trainer) + Send>;

/// A handle of the thread.
#[derive(Clone)]
pub struct Worker {
    jobs: mpsc::Sender<Job>,
    ended: Ended,
}

/// How the thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// The last handle was dropped.
    #[error("the trainer was told to end")]
    Told,
    /// The trainer cannot continue.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// By a panic, which is in the log.
    #[error("the trainer has broken down\nhint: this is a bug; its log has the place in the code")]
    Panicked,
}

/// Waits for the end of the thread.
#[derive(Clone)]
pub struct Ended(watch::Receiver<Ending>);

impl Ended {
    /// Waits until the thread has ended.
    pub async fn wait(&mut self) -> Ending {
        // The sender is dropped when the thread ends.
        while self.0.changed().await.is_ok() {}
        *self.0.borrow()
    }
}

impl Worker {
    /// Starts the thread; `open` makes the trainer on it.
    pub async fn start<E: Send + 'static>(
        open: impl FnOnce() -> Result<Trainer, E> + Send + 'static,
    ) -> Result<Result<Self, E>> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (opened, result) = oneshot::channel();
        let (running, ended) = watch::channel(Ending::Panicked);
        std::thread::Builder::new().name("trainer".into()).spawn(move || {
            // Dropped with the thread, also on a panic.
            let running = running;
            let trainer = match open() {
                Ok(trainer) => trainer,
                Err(error) => return drop(opened.send(Err(error))),
            };
            if opened.send(Ok(())).is_ok() {
                running.send_replace(work(trainer, &queue));
            }
        })?;
        let opened = result.await.context("the trainer could not be opened")?;
        Ok(opened.map(|()| Self { jobs, ended: Ended(ended) }))
    }

    /// A future of the thread's end.
    pub fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// Runs `work` on the trainer, after all earlier requests.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Trainer) -> T + Send + 'static,
    ) -> Result<T> {
        let ended = "the trainer's thread has ended\nhint: the log says why; start it again";
        let (done, result) = oneshot::channel();
        let job = Box::new(move |trainer: &mut Trainer| drop(done.send(work(trainer))));
        self.jobs.send(job).ok().context(ended)?;
        result.await.context(ended)
    }
}

fn work(mut trainer: Trainer, queue: &Receiver<Job>) -> Ending {
    loop {
        if let Some(unusable) = trainer.unusable() {
            return unusable.into();
        }
        match queue.recv_timeout(trainer.pulse()) {
            Ok(job) => job(&mut trainer),
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = trainer.beat() {
                    tracing::error!(%error, "ranks are lost");
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                if let Err(error) = trainer.end() {
                    tracing::warn!(%error, "the other ranks may not know that this is the end");
                }
                return Ending::Told;
            }
        }
    }
}

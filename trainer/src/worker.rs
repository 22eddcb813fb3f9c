//! The thread that owns the trainer. libtorch's work is long and blocking, and one update must
//! follow another: requests queue here.

use std::sync::mpsc;

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use crate::trainer::Trainer;

type Job = Box<dyn FnOnce(&mut Trainer) + Send>;

/// A handle of the thread. It ends when the last handle is dropped.
#[derive(Clone)]
pub struct Worker {
    jobs: mpsc::Sender<Job>,
}

impl Worker {
    /// Starts the thread; `open` makes the trainer on it.
    pub async fn start<E: Send + 'static>(
        open: impl FnOnce() -> Result<Trainer, E> + Send + 'static,
    ) -> Result<Result<Self, E>> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (opened, result) = oneshot::channel();
        std::thread::Builder::new().name("trainer".into()).spawn(move || {
            let mut trainer = match open() {
                Ok(trainer) => trainer,
                Err(error) => return drop(opened.send(Err(error))),
            };
            if opened.send(Ok(())).is_ok() {
                for job in queue {
                    job(&mut trainer);
                }
            }
        })?;
        let opened = result.await.context("the trainer could not be opened")?;
        Ok(opened.map(|()| Self { jobs }))
    }

    /// Runs `work` on the trainer, after what was asked for before.
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

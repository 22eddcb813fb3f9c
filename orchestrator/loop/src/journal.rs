//! The log's record of the process that trains a run: its start, its warnings, its end.

use anyhow::Result;
use retrial_live::Recent;
use retrial_protocol::WeightVersion;
use retrial_store::{ProcessId, ProcessOutcome, Store};
use tokio::task::JoinHandle;

use crate::failure::Failure;
use crate::open::Run;

/// Limit on the warnings of one process, because a repeated one must not fill the log.
const MOST_NOTICES: usize = 1000;

/// This process in the log of a run.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    process: ProcessId,
    notices: JoinHandle<()>,
}

impl Journal {
    /// Records this process. Its warnings come from `recent`, including those of the start.
    pub async fn begin(run: &Run, recent: &Recent) -> Result<Self> {
        let store = run.context.store.clone();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let process = store.begin_process(run.context.id, &host, std::process::id()).await?;
        let notices = tokio::spawn(keep(store.clone(), process, recent.clone()));
        Ok(Self { store, process, notices })
    }

    /// Records how this process ends. A failing log has been reported before.
    pub async fn end(self, outcome: &Result<WeightVersion, Failure>) {
        self.notices.abort();
        let (outcome, reason) = match outcome {
            Ok(_) => (ProcessOutcome::Finished, None),
            Err(Failure::Interrupted { by, .. }) => (ProcessOutcome::Stopped, Some(by.to_string())),
            Err(Failure::Input(error) | Failure::Work(error)) => {
                (ProcessOutcome::Failed, Some(retrial_log::with_causes(error.as_ref())))
            }
        };
        let ended = self.store.end_process(self.process, outcome, reason.as_deref()).await;
        if let Err(error) = ended {
            tracing::info!("the end of this process is not in the log: {error}");
        }
    }
}

/// Records every warning. One that cannot be recorded is not a new warning.
async fn keep(store: Store, process: ProcessId, recent: Recent) {
    let mut notices = recent.follow();
    let mut earlier = recent.latest_first();
    for _ in 0..MOST_NOTICES {
        let notice = match earlier.pop() {
            Some(notice) => notice,
            None => match notices.recv().await {
                Some(notice) => notice,
                None => return,
            },
        };
        let kept = store.note(process, notice.step, notice.level, &notice.message).await;
        if let Err(error) = kept {
            tracing::info!("a warning is not in the log: {error}");
        }
    }
}

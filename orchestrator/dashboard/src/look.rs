//! What deserves attention in a run: gathers what the list follows from.

use std::path::Path;

use retrial_live::Snapshot;
use retrial_report::attention::{Attention, Disk, Facts, attention};
use retrial_store::{
    LoggedNotice, RECENT_STEPS, ReadError, Reader, RunCache, RunData, RunInfo, StoreError, View,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::status::{RunStatus, Tone};

/// Warnings that are read.
const NOTICES: u32 = 20;

/// The status of a run and what deserves attention in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Look {
    /// The status.
    pub status: RunStatus,
    /// What deserves attention, the worst first.
    pub attention: Vec<Attention>,
}

/// Why a log cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] StoreError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Look {
    /// Looks at a run of a log that another process may be writing.
    pub async fn at(log: &Path, run: &str) -> Result<Self, LookError> {
        let reader = Reader::open(log).await?;
        let look = reader.read(async |mut view| {
            let run = view.run(run).await?;
            let numbers = view.run_numbers(&run).await?;
            let process = view.last_process(&run).await?;
            let status = RunStatus::of(&run.name, &numbers, process.as_ref(), None);
            let data = RunCache::default().data(&mut view, &run).await?;
            let attention = of_run(&mut view, &run, &data, log, &status, None).await?;
            Ok(Self { status, attention })
        });
        let look = look.await;
        reader.close().await;
        Ok(look?)
    }
}

/// What deserves attention in a run. `live` is the state of the run of this process, whichever it is.
pub async fn of_run(
    view: &mut View<'_>,
    run: &RunInfo,
    data: &RunData,
    log: &Path,
    status: &RunStatus,
    live: Option<&Snapshot>,
) -> Result<Vec<Attention>, ReadError> {
    let is_old =
        |notice: &LoggedNotice| notice.step.is_some_and(|step| step + RECENT_STEPS < status.step);
    let mut notices = view.last_notices(run, NOTICES).await?;
    notices.retain(|notice| !is_old(notice));
    let live = live.filter(|live| live.run == run.name && status.live);
    Ok(attention(&Facts {
        run: &run.name,
        data,
        notices: &notices,
        ended: (status.tone == Tone::Bad).then_some(&*status.word),
        servers: live.map_or(&[], |live| &live.servers),
        disk: if status.tone == Tone::Good { disk(view, log, status).await? } else { None },
    }))
}

/// The disk of a log; none if the system does not tell.
async fn disk(
    view: &mut View<'_>,
    log: &Path,
    status: &RunStatus,
) -> Result<Option<Disk>, ReadError> {
    let size = view.size().await?;
    let Ok(space) = rustix::fs::statvfs(log) else { return Ok(None) };
    Ok(Some(Disk {
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        log_bytes: size.bytes,
        log_rollouts: size.rollouts,
        seconds_left: status.eta_seconds,
    }))
}

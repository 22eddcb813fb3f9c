//! The processes that train runs: their warnings, and how they end.

use crate::word::Word;
use crate::{RunId, Store, StoreError};

/// The key of a process in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessId(i64);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessOutcome {
    /// The run is done.
    Finished,
    /// A person stopped it.
    Stopped,
    /// Something went wrong.
    Failed,
}

impl ProcessOutcome {
    /// Its name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl Word for ProcessOutcome {
    const WHAT: &'static str = "an outcome of a process";
    const ALL: &'static [Self] = &[Self::Finished, Self::Stopped, Self::Failed];

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Store {
    /// Inserts the process `pid` of the machine `host`, which trains a run from now on.
    pub async fn begin_process(
        &self,
        run: RunId,
        host: &str,
        pid: u32,
    ) -> Result<ProcessId, StoreError> {
        let query = "INSERT INTO processes (run, host, pid) VALUES (?, ?, ?)";
        self.write("enter the process in", async |db| {
            let done =
                sqlx::query(query).bind(run.0).bind(host).bind(i64::from(pid)).execute(db).await?;
            Ok(ProcessId(done.last_insert_rowid()))
        })
        .await
    }

    /// Inserts a warning of a process.
    pub async fn note(
        &self,
        process: ProcessId,
        step: Option<u64>,
        level: &str,
        message: &str,
    ) -> Result<(), StoreError> {
        let query = "INSERT INTO notices (process, step, level, message) VALUES (?, ?, ?, ?)";
        self.write("enter a warning in", async |db| {
            let step = step.map(u64::cast_signed);
            sqlx::query(query)
                .bind(process.0)
                .bind(step)
                .bind(level)
                .bind(message)
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }

    /// Records how a process ended, once.
    pub async fn end_process(
        &self,
        process: ProcessId,
        outcome: ProcessOutcome,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let query = "UPDATE processes SET ended_at = strftime('%Y-%m-%dT%H:%M:%fZ'), outcome = ?2, \
                     reason = ?3 WHERE id = ?1 AND ended_at IS NULL";
        self.write("enter the end of the process in", async |db| {
            sqlx::query(query)
                .bind(process.0)
                .bind(outcome.word())
                .bind(reason)
                .execute(db)
                .await?;
            Ok(())
        })
        .await
    }
}

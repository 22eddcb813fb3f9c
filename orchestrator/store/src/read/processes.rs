//! The processes that train runs.

use serde::Serialize;
use utoipa::ToSchema;

use super::runs::RunInfo;
use crate::error::ReadError;
use crate::processes::ProcessOutcome;
use crate::reader::View;
use crate::row::from_row;
use crate::word;

/// The current or last process of a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LastProcess {
    /// The run.
    pub run: String,
    /// Its machine.
    pub host: String,
    /// Its process id.
    pub pid: u64,
    /// When it began.
    pub started_at: String,
    /// When it ended; none while it trains, and if it was killed.
    pub ended_at: Option<String>,
    /// How it ended.
    #[serde(serialize_with = "word::write_option")]
    #[schema(value_type = Option<String>)]
    pub outcome: Option<ProcessOutcome>,
    /// Who stopped it, or why it failed.
    pub reason: Option<String>,
}

from_row!(LastProcess { run, host, pid, started_at, ended_at, outcome, reason });

/// A warning or an error of a process that trained a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LoggedNotice {
    /// When.
    pub noticed_at: String,
    /// The step that had begun last, if any.
    pub step: Option<u64>,
    /// `warning` or `error`.
    pub level: String,
    /// Its message.
    pub message: String,
}

from_row!(LoggedNotice { noticed_at, step, level, message });

const LAST: &str =
    "SELECT runs.name AS run, host, pid, processes.started_at, ended_at, outcome, reason
    FROM processes JOIN runs ON runs.id = processes.run
    WHERE processes.id IN (SELECT max(id) FROM processes GROUP BY run)";

const NOTICES: &str = "SELECT noticed_at, step, level, message
    FROM notices WHERE process IN (SELECT id FROM processes WHERE run = ?1)
    ORDER BY notices.rowid DESC LIMIT ?2";

const LAST_NOTICES: &str = "SELECT noticed_at, step, level, message
    FROM notices WHERE process = (SELECT max(id) FROM processes WHERE run = ?1)
    ORDER BY notices.rowid DESC LIMIT ?2";

impl View<'_> {
    /// The last process of each run that has one.
    pub async fn last_processes(&mut self) -> Result<Vec<LastProcess>, ReadError> {
        Ok(sqlx::query_as(LAST).fetch_all(&mut *self.db).await?)
    }

    /// The last process of a run; none in logs that are older than the table.
    pub async fn last_process(&mut self, run: &RunInfo) -> Result<Option<LastProcess>, ReadError> {
        let query = sqlx::AssertSqlSafe(format!("{LAST} AND run = ?"));
        Ok(sqlx::query_as(query).bind(run.id).fetch_optional(&mut *self.db).await?)
    }

    /// The latest warnings of a run's last process, the latest first.
    pub async fn last_notices(
        &mut self,
        run: &RunInfo,
        most: u32,
    ) -> Result<Vec<LoggedNotice>, ReadError> {
        Ok(sqlx::query_as(LAST_NOTICES).bind(run.id).bind(most).fetch_all(&mut *self.db).await?)
    }

    /// The latest warnings of a run's processes, the latest first.
    pub async fn notices(
        &mut self,
        run: &RunInfo,
        most: u32,
    ) -> Result<Vec<LoggedNotice>, ReadError> {
        Ok(sqlx::query_as(NOTICES).bind(run.id).bind(most).fetch_all(&mut *self.db).await?)
    }
}

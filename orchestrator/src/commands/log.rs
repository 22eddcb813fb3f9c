//! Options of the commands that read the log.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use retrial_store::{Reader, Session};

/// The log to read.
#[derive(Clone, Debug, clap::Args)]
pub struct LogArgs {
    /// The log file
    #[arg(long, value_name = "FILE", default_value = "retrial.db")]
    pub db: PathBuf,
}

impl LogArgs {
    /// Opens the log for reading; a missing one is not created.
    pub async fn open(&self) -> Result<Session> {
        if !self.db.is_file() {
            let path = self.db.display();
            bail!("there is no log {path}\nhint: `retrial run` creates one; --db selects another");
        }
        Ok(Reader::open(&self.db).await?.session().await?)
    }
}

/// Fails unless the log has all these runs.
pub async fn check_runs(log: &mut Session, path: &Path, runs: &[String]) -> Result<()> {
    let known = log.view().run_names().await?;
    let path = path.display();
    let Some(run) = runs.iter().find(|run| !known.contains(run)) else { return Ok(()) };
    if known.is_empty() {
        bail!("the log {path} has no run `{run}`\nhint: it has no runs yet");
    }
    bail!("the log {path} has no run `{run}`\nhint: its runs are: {}", known.join(", "));
}

//! A run is trained by one process at a time: two would log the same rollouts, and their trainers
//! write over each other's weights. What is claimed lies beside the log, the one place that an
//! orchestrator surely writes to: the weights are the trainer's, which may be on another machine.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::{Context, anyhow};
use retrial_config::Config;

use crate::failure::Failure;

/// Holds a run until it is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct Claim {
    _file: File,
}

impl Claim {
    /// Takes the run of a configuration, if no other process has it.
    pub fn take(config: &Config) -> Result<Self, Failure> {
        let (log, name) = (&config.run.database, &config.run.name);
        let folder = log.parent().unwrap_or(Path::new(""));
        if folder != Path::new("") {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let path = log.with_extension(format!("{name}.lock"));
        let file = File::create(&path).map_err(|error| {
            let hint = "hint: a run writes to the folder of its log; [run] database names another";
            Failure::Input(anyhow!("cannot make {}: {error}\n{hint}", path.display()))
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Failure::Input(anyhow!(
                "run `{name}` is being trained by another process, which holds {}\n\
                 hint: end that one first, or choose another name by --set run.name=...",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => {
                Err(anyhow!(error).context(format!("cannot lock {}", path.display())).into())
            }
        }
    }
}

//! The lock of a run. One process at a time may train it: two would log the same rollouts, and their trainers
//! overwrite each other's weights. The lock is a file beside the log, the one place that an
//! orchestrator can surely write to: the weights are the trainer's, which may be on another machine.

use std::fs::{self, File, Metadata, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use retrial_config::Config;

use crate::failure::Failure;

/// Locks a run until it is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    _file: File,
}

impl Drop for Claim {
    /// Removes the file while it is still locked.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Claim {
    /// Locks the run of a configuration, if no other process has.
    pub fn take(config: &Config) -> Result<Self, Failure> {
        let (log, name) = (&config.run.database, &config.run.name);
        let folder = log.parent().unwrap_or(Path::new(""));
        if folder != Path::new("") {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let path = log.with_extension(format!("{name}.lock"));
        loop {
            let file = Self::lock(&path, name)?;
            // The previous process may have removed the file in between.
            if is_at(&file, &path) {
                return Ok(Self { path, _file: file });
            }
        }
    }

    fn lock(path: &Path, name: &str) -> Result<File, Failure> {
        let file = File::create(path).map_err(|error| {
            let hint =
                "hint: a run writes to the folder of its log; set [run] database to another one";
            Failure::Input(anyhow!("cannot make {}: {error}\n{hint}", path.display()))
        })?;
        match file.try_lock() {
            Ok(()) => Ok(file),
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

/// Whether a file is the one at a path.
fn is_at(file: &File, path: &Path) -> bool {
    let same =
        |here: Metadata, there: Metadata| (here.dev(), here.ino()) == (there.dev(), there.ino());
    let both = file.metadata().and_then(|here| Ok(same(here, fs::metadata(path)?)));
    both.unwrap_or(false)
}

//! Commands between two steps, from the dashboard or by a signal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use retrial_protocol::WeightVersion;

use crate::context::Context;
use crate::evaluate;
use crate::failure::StoppedBy;
use crate::progress::Progress;
use crate::stop::Stop;

/// Interval at which a paused run checks for a signal.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Subfolder of a run's weights for versions that are kept permanently.
const CHECKPOINTS: &str = "checkpoints";

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The next step.
    Step,
    /// The run stops.
    End(StoppedBy),
}

/// Executes pending commands while the weights are at `version`, and waits while the run is paused.
pub async fn carry_out(
    context: &Context,
    version: WeightVersion,
    stop: &Stop,
    progress: &mut Progress,
) -> Result<Next> {
    let mut pause = None;
    loop {
        let commands = context.live.control().take();
        if commands.checkpoint {
            match checkpoint(&context.config.weights(), version).await {
                Ok(folder) => progress.kept(version, &folder),
                // A failed copy does not stop the run.
                Err(error) => tracing::error!("version {version} was not kept: {error:#}"),
            }
        }
        if commands.evaluate {
            progress.evaluated(version, &evaluate::evaluate(context, version).await?);
        }
        if stop.requested() {
            return Ok(Next::End(StoppedBy::Signal));
        }
        if commands.stop {
            return Ok(Next::End(StoppedBy::Dashboard));
        }
        if !commands.pause {
            return Ok(Next::Step);
        }
        pause.get_or_insert_with(|| context.live.pause());
        // A signal does not end the wait: check for one now and then.
        let _ = tokio::time::timeout(LOOK_EVERY, context.live.control().asked()).await;
    }
}

/// Keeps a version permanently: the trainer deletes old ones from its own folder only.
async fn checkpoint(weights: &Path, version: WeightVersion) -> Result<PathBuf> {
    let (from, folder) = (weights.join(version.folder()), weights.join(CHECKPOINTS));
    let to = folder.join(version.folder());
    let kept = to.clone();
    let copied = tokio::task::spawn_blocking(move || {
        if to.exists() {
            return Ok(());
        }
        let temporary = folder.join(format!(".{}.tmp", version.folder()));
        if temporary.exists() {
            fs::remove_dir_all(&temporary)?;
        }
        copy(&from, &temporary)?;
        fs::rename(&temporary, &to)
    });
    copied.await?.with_context(|| format!("cannot copy it to {}", kept.display()))?;
    Ok(kept)
}

/// Copies a folder, with hard links if possible, since a version never changes.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kept_version_outlives_the_original() {
        let folder = tempfile::tempdir().unwrap();
        let version = WeightVersion(3);
        let original = folder.path().join("v000003");
        fs::create_dir_all(original.join("trainer")).unwrap();
        fs::write(original.join("model.safetensors"), "weights").unwrap();
        fs::write(original.join("trainer/record.json"), "record").unwrap();
        for _ in 0..2 {
            let kept = checkpoint(folder.path(), version).await.unwrap();
            assert_eq!(kept, folder.path().join("checkpoints/v000003"));
        }
        fs::remove_dir_all(original).unwrap();
        let kept = folder.path().join("checkpoints/v000003");
        assert_eq!(fs::read_to_string(kept.join("model.safetensors")).unwrap(), "weights");
        assert_eq!(fs::read_to_string(kept.join("trainer/record.json")).unwrap(), "record");
        let missing = checkpoint(folder.path(), WeightVersion(9)).await.unwrap_err();
        assert!(format!("{missing:#}").contains("checkpoints/v000009"), "{missing:#}");
    }
}

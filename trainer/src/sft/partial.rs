//! `OUT.partial`: what there is of a training that is not complete.
//!
//! It has the metrics so far, the settings of the training, and the last checkpoint. A checkpoint is a
//! weight version under the number of its step: weights, moments and record, written under a temporary
//! name, flushed and renamed. The folder is locked while a process trains.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use retrial_protocol::{Step, WeightVersion};
use serde_json::{Map, Value};

use super::agree::agree;
use crate::compute::Compute;
use crate::fault::{Fault, Point};
use crate::model::lora::NewAdapter;
use crate::ranks::Ranks;
use crate::update::Learner;
use crate::versions::{Record, Versions, write_file};

/// The file with the settings of the training.
const SETTINGS: &str = "settings.json";

/// The folder of an unfinished training, as a rank sees it.
pub(super) struct Partial {
    pub folder: PathBuf,
    versions: Versions,
    fault: Option<Fault>,
}

/// What the leader has found there.
struct Found {
    versions: Versions,
    /// Steps of the last checkpoint.
    done: u64,
}

impl Partial {
    /// Opens the folder, and returns the steps of the checkpoint to continue from; 0 if there is none.
    /// Without `resume` a checkpoint is an error. All ranks must call this.
    pub fn open(
        ranks: &mut Ranks,
        folder: PathBuf,
        base: &Path,
        adapter: Option<NewAdapter>,
        settings: &Map<String, Value>,
        resume: bool,
        fault: Option<Fault>,
    ) -> Result<(Self, u64)> {
        let open = || Found::open(&folder, base, adapter.clone(), settings, resume);
        let own = agree(ranks, ranks.place().leads().then(open).transpose())?;
        let told =
            own.as_ref().map_or([0.0; 2], |own| [own.versions.session() as f64, own.done as f64]);
        let told = ranks.concat(&told)?;
        let versions = match own {
            Some(own) => Ok(own.versions),
            None => Versions::follow(&folder, base, 1, adapter, told[0] as u64),
        };
        let versions = agree(ranks, versions.map_err(Into::into))?;
        Ok((Self { folder, versions, fault }, told[1] as u64))
    }

    /// Loads the last checkpoint.
    pub fn load(&self, compute: Compute, ranks: &Ranks) -> Result<Learner> {
        Ok(self.versions.load(compute, ranks.place())?.0)
    }

    /// Writes a checkpoint after `done` steps, and removes the one before. `source` is the model's folder.
    pub fn save(
        &self,
        learner: &Learner,
        ranks: &mut Ranks,
        done: u64,
        source: &Path,
    ) -> Result<PathBuf> {
        let record = Record {
            version: WeightVersion(done),
            optimizer_steps: learner.optimizer.steps(),
            ..Record::default()
        };
        let place = ranks.place();
        self.versions.save_among(learner, &record, source, self.fault, place, |mine| {
            agree(ranks, mine.map_err(Into::into))
        })
    }

    /// A step was taken; `done` includes it.
    pub fn stepped(&self, done: u64) {
        Fault::reached(self.fault, Point::AfterTrain, Step(done));
    }

    /// Removes the folder.
    pub fn remove(self) -> Result<()> {
        let Self { folder, versions, .. } = self;
        drop(versions);
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
    }
}

impl Found {
    fn open(
        folder: &Path,
        base: &Path,
        adapter: Option<NewAdapter>,
        settings: &Map<String, Value>,
        resume: bool,
    ) -> Result<Self> {
        let versions = Versions::take_up(folder, base, 1, adapter)?;
        let path = folder.join(SETTINGS);
        let Some(last) = versions.latest()? else {
            let text = serde_json::to_vec_pretty(settings).expect("settings are plain data");
            write_file(&path, &text)?;
            return Ok(Self { versions, done: 0 });
        };
        let shown = folder.display();
        if !resume {
            bail!(
                "{shown} has a training that was interrupted after step {last}\n\
                 hint: --resume continues it; remove the folder to begin again"
            );
        }
        let failed = || format!("cannot read {}", path.display());
        let then = fs::read(&path).with_context(failed)?;
        let then: Map<String, Value> = serde_json::from_slice(&then).with_context(failed)?;
        let changed = settings.iter().find(|(name, now)| then.get(*name) != Some(*now));
        if let Some((name, now)) = changed {
            let then = then.get(name).unwrap_or(&Value::Null);
            bail!(
                "{name} was {then} when the training in {shown} began, and is {now} now\n\
                 hint: --resume continues with the same settings; remove the folder to begin again"
            );
        }
        Ok(Self { versions, done: last.0 })
    }
}

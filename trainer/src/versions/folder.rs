//! The folder of all versions of a run: opening it, loading the latest version, writing a new one.
//!
//! A version is written under a temporary name, flushed and renamed, so that a folder with its final
//! name is complete. One trainer at a time locks a folder of versions, which all its ranks see.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use retrial_protocol::{Step, WeightVersion};
use tch::Device;

use super::disk::{attempt_at, io, room};
use super::files;
use super::record::Record;
use super::whole;
use crate::compute::Compute;
use crate::fault::{Fault, Point};
use crate::model::lora::{self, NewAdapter};
use crate::model::{Decoder, ModelError, sync_folder};
use crate::ranks::Place;
use crate::update::Learner;

const TEMPORARY: &str = ".tmp";
const DAMAGED: &str = ".damaged";
const LOCK: &str = "trainer.lock";

/// How long to wait for a lock: a trainer whose orchestrator ended needs some time to end too.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// A folder of versions.
pub struct Versions {
    folder: PathBuf,
    base: PathBuf,
    keep: usize,
    adapter: Option<NewAdapter>,
    /// When the leader opened it, microseconds. It is part of temporary names, so that a rank left
    /// over from an earlier start does not write into a version of this one.
    session: u64,
    /// The lock, held by the leader.
    _lock: Option<File>,
}

/// The run of a version: the name of the parent folder.
pub fn run_of(version: &Path) -> &str {
    version.parent().map_or("", name)
}

fn name(folder: &Path) -> &str {
    folder.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

impl Versions {
    /// Opens a folder of versions. Before the first step, version 0 is made of the model in `base`,
    /// even if the folder has an older one. At most `keep` versions stay on disk. With an adapter only that is trained.
    pub fn open(
        folder: &Path,
        base: &Path,
        keep: usize,
        compute: Compute,
        adapter: Option<NewAdapter>,
    ) -> Result<Self, ModelError> {
        let versions = Self::take_up(folder, base, keep, adapter)?;
        if versions.latest()?.is_none_or(|latest| latest == WeightVersion(0)) {
            let learner = attempt_at("take up", &versions.base, || {
                let mut model = Decoder::load(&versions.base, Device::Cpu)?;
                if let Some(new) = &versions.adapter {
                    lora::check(model.config(), &new.form, &versions.base)?;
                    let adapter = lora::fresh(model.config(), new, &versions.base);
                    model = model.adapted(adapter);
                }
                Ok(Learner::new(model, compute))
            })?;
            let first = versions.path(WeightVersion(0));
            if first.exists() {
                fs::remove_dir_all(&first).map_err(io("remove", &first))?;
            }
            versions.save(&learner, &Record::default(), &versions.base, None)?;
        }
        Ok(versions)
    }

    /// Opens a folder of versions, and makes none. Remains of a failed attempt are removed.
    pub fn take_up(
        folder: &Path,
        base: &Path,
        keep: usize,
        adapter: Option<NewAdapter>,
    ) -> Result<Self, ModelError> {
        fs::create_dir_all(folder).map_err(io("make", folder))?;
        let folder = folder.canonicalize().map_err(io("find", folder))?;
        let base = base.canonicalize().map_err(io("find", base))?;
        let lock = lock(&folder)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let session = now.as_micros() as u64;
        let versions = Self { folder, base, keep, adapter, session, _lock: Some(lock) };
        for name in versions.names()?.iter().filter(|name| name.ends_with(TEMPORARY)) {
            let leftover = versions.folder.join(name);
            fs::remove_dir_all(&leftover).map_err(io("remove", &leftover))?;
        }
        versions.set_damaged_aside()?;
        Ok(versions)
    }

    /// A folder of versions that the leader has opened, as the other ranks see it.
    pub fn follow(
        folder: &Path,
        base: &Path,
        keep: usize,
        adapter: Option<NewAdapter>,
        session: u64,
    ) -> Result<Self, ModelError> {
        let folder = folder.canonicalize().map_err(io("find", folder))?;
        let base = base.canonicalize().map_err(io("find", base))?;
        Ok(Self { folder, base, keep, adapter, session, _lock: None })
    }

    /// What the leader sends to the other ranks, for [`Self::follow`].
    pub fn session(&self) -> u64 {
        self.session
    }

    /// The name of the run that the versions belong to.
    pub fn run(&self) -> &str {
        name(&self.folder)
    }

    /// The folder of a version.
    pub fn path(&self, version: WeightVersion) -> PathBuf {
        self.folder.join(version.folder())
    }

    /// Loads the latest version, on one of several ranks.
    pub fn load(&self, compute: Compute, place: Place) -> Result<(Learner, Record), ModelError> {
        let latest = self.latest()?.ok_or_else(|| ModelError::Invalid {
            path: self.folder.clone(),
            problem: "it has no version of the weights".into(),
        })?;
        let folder = self.path(latest);
        attempt_at("take up", &folder, || {
            files::read(&folder, &self.base, self.adapter.as_ref(), compute, place)
        })
    }

    /// The weights of a version that products use.
    pub fn model(
        &self,
        version: WeightVersion,
        compute: Compute,
        place: Place,
    ) -> Result<Decoder, ModelError> {
        let folder = self.path(version);
        attempt_at("read", &folder, || {
            files::model(&folder, &self.base, self.adapter.as_ref(), compute, place)
        })
    }

    /// Writes a new version, as the only rank, and deletes the oldest. The files that are not weights
    /// are copied from `source`.
    pub fn save(
        &self,
        learner: &Learner,
        record: &Record,
        source: &Path,
        fault: Option<Fault>,
    ) -> Result<PathBuf, ModelError> {
        self.save_among(learner, record, source, fault, Place::ALONE, |mine| mine)
    }

    /// Writes a new version on one of several ranks, each its part. They `agree` on the result
    /// before the version gets its final name.
    pub fn save_among<E>(
        &self,
        learner: &Learner,
        record: &Record,
        source: &Path,
        fault: Option<Fault>,
        place: Place,
        mut agree: impl FnMut(Result<(), ModelError>) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let target = self.path(record.version);
        let name = format!(".{}-{}{TEMPORARY}", record.version.folder(), self.session);
        let temporary = self.folder.join(name);
        let (leads, step) = (place.leads(), Step(record.version.0));
        let begin = || {
            room(&self.folder, files::bytes(learner, record))?;
            files::begin(&temporary)
        };
        let publish = || {
            files::sync(&temporary)?;
            Fault::reached(fault, Point::AfterWrite, step);
            fs::rename(&temporary, &target).map_err(io("rename", &temporary))?;
            self.forget_damaged(record.version)?;
            sync_folder(&self.folder)?;
            Fault::reached(fault, Point::AfterRename, step);
            self.drop_old()
        };
        agree(if leads { begin() } else { Ok(()) })?;
        Fault::reached(fault, Point::BeforeWrite, step);
        let written = attempt_at("write", &temporary, || {
            files::write(&temporary, learner, record, source, place, fault)
        });
        if let Err(error) = agree(written) {
            if leads {
                // A partial version is removed; the error that caused it matters more than one of the removal.
                let _ = fs::remove_dir_all(&temporary);
            }
            return Err(error);
        }
        agree(if leads { publish() } else { Ok(()) })?;
        Ok(target)
    }

    /// Renames damaged versions, so that the newest intact one is the latest.
    fn set_damaged_aside(&self) -> Result<(), ModelError> {
        let mut damaged = Vec::new();
        for version in self.versions()?.into_iter().rev() {
            // Version 0 is made again if it is the latest.
            let checked = if version.0 == 0 { Ok(()) } else { whole::check(&self.path(version)) };
            match checked {
                Ok(()) => {
                    for (damaged, error) in &damaged {
                        self.set_aside(*damaged, error, version)?;
                    }
                    return Ok(());
                }
                Err(error) if whole::is_damage(&error) => damaged.push((version, error)),
                Err(error) => return Err(error),
            }
        }
        // If no version is intact, report the error of the newest.
        damaged.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    fn set_aside(
        &self,
        version: WeightVersion,
        error: &ModelError,
        whole: WeightVersion,
    ) -> Result<(), ModelError> {
        self.forget_damaged(version)?;
        let (from, to) = (self.path(version), self.damaged_path(version));
        tracing::warn!(
            "version {version} of the weights is damaged: {error}; it is kept as {}, and version \
             {whole} is taken up",
            to.display()
        );
        fs::rename(&from, &to).map_err(io("rename", &from))
    }

    /// Removes a damaged version that has been made again.
    fn forget_damaged(&self, version: WeightVersion) -> Result<(), ModelError> {
        let path = self.damaged_path(version);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    fn damaged_path(&self, version: WeightVersion) -> PathBuf {
        self.folder.join(format!("{}{DAMAGED}", version.folder()))
    }

    /// The newest version that was found damaged and has not been made again.
    pub fn damaged(&self) -> Option<WeightVersion> {
        let of = |name: &String| WeightVersion::from_folder(name.strip_suffix(DAMAGED)?);
        self.names().unwrap_or_default().iter().filter_map(of).max()
    }

    fn drop_old(&self) -> Result<(), ModelError> {
        let versions = self.versions()?;
        for version in &versions[..versions.len().saturating_sub(self.keep.max(1))] {
            let path = self.path(*version);
            fs::remove_dir_all(&path).map_err(io("remove", &path))?;
        }
        Ok(())
    }

    /// The newest version.
    pub fn latest(&self) -> Result<Option<WeightVersion>, ModelError> {
        Ok(self.versions()?.last().copied())
    }

    /// All versions, oldest first.
    fn versions(&self) -> Result<Vec<WeightVersion>, ModelError> {
        let names = self.names()?;
        let mut versions: Vec<WeightVersion> =
            names.iter().filter_map(|name| WeightVersion::from_folder(name)).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    fn names(&self) -> Result<Vec<String>, ModelError> {
        let failed = |error| io("read", &self.folder)(error);
        fs::read_dir(&self.folder)
            .map_err(failed)?
            .map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned()))
            .collect()
    }
}

/// Locks a folder for this process, until it ends in any way.
fn lock(folder: &Path) -> Result<File, ModelError> {
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(io("make", &path))?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(io("lock", &path)(error)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => {
                let problem = "another trainer writes its versions here\n\
                               hint: end that one, or choose another name for the run";
                return Err(ModelError::Invalid { path: folder.into(), problem: problem.into() });
            }
        }
    }
}

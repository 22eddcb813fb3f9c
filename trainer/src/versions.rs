//! Weight versions on disk: one folder each, `v000000` the model the run began with.
//!
//! A version is a Hugging Face folder, or an adapter in PEFT's files if an adapter is what learns;
//! inside it the folder `trainer` has the optimizer's moments, the weights in f32 where those for
//! the servers are not, and a record of the update: all that is needed to go on from it. Tensors lie
//! whole under the names of their parameters, so that any number of ranks can go on from them; rank 0
//! writes them. A version is written under a temporary name, flushed and renamed, so
//! that a folder that has its name is complete. One trainer at a time has a folder of versions, which all its ranks
//! see.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use retrial_native::c10d::GroupError;
use retrial_protocol::{Lora, Step, TrainReport, WeightVersion};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::adamw::AdamW;
use crate::compute::Compute;
use crate::fault::{Fault, Point};
use crate::learner::Learner;
use crate::model::lora::{self, NewAdapter};
use crate::model::{Decoder, ModelError, read_named, sync_folder, write_in_turn, write_tensors};
use crate::ranks::{Moments, Place, Ranks};

// In a folder of their own: vLLM loads every safetensors file beside the weights.
const RECORD: &str = "trainer/record.json";
const MOMENTS: &str = "trainer/optimizer.safetensors";
const MASTERS: &str = "trainer/weights.safetensors";
const TEMPORARY: &str = ".tmp";
const LOCK: &str = "trainer.lock";

/// A trainer that is about to end, as its orchestrator did, gets this long to let go of a folder.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// A folder of versions.
pub struct Versions {
    folder: PathBuf,
    base: PathBuf,
    keep: usize,
    adapter: Option<NewAdapter>,
    /// The leader's; the other ranks only read.
    _lock: Option<File>,
}

/// What a version is, beside its weights and moments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version.
    pub version: WeightVersion,
    /// Optimizer steps since the model the run began with.
    pub optimizer_steps: u64,
    /// Coefficient of an adaptive entropy bonus for the next update.
    pub entropy_coefficient: Option<f64>,
    /// The update that made it; none for version 0.
    pub report: Option<TrainReport>,
}

/// The run of a version's folder: the name of the folder that it lies in.
pub fn run_of(version: &Path) -> &str {
    version.parent().map_or("", name)
}

fn name(folder: &Path) -> &str {
    folder.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

impl Versions {
    /// Opens a folder of versions. Until a step was taken, version 0 is made of the model in `base`,
    /// whatever was there. At most `keep` versions stay on disk. With an adapter that is what learns.
    pub fn open(
        folder: &Path,
        base: &Path,
        keep: usize,
        compute: Compute,
        adapter: Option<NewAdapter>,
    ) -> Result<Self, ModelError> {
        fs::create_dir_all(folder).map_err(io("make", folder))?;
        let folder = folder.canonicalize().map_err(io("find", folder))?;
        let base = base.canonicalize().map_err(io("find", base))?;
        let lock = lock(&folder)?;
        let versions = Self { folder, base, keep, adapter, _lock: Some(lock) };
        for name in versions.names()?.iter().filter(|name| name.ends_with(TEMPORARY)) {
            let leftover = versions.folder.join(name);
            fs::remove_dir_all(&leftover).map_err(io("remove", &leftover))?;
        }
        if versions.latest()?.is_none_or(|latest| latest == WeightVersion(0)) {
            let mut model = Decoder::load(&versions.base, Device::Cpu)?;
            if let Some(new) = &versions.adapter {
                let adapter = lora::fresh(model.config(), new, &versions.base);
                model = model.adapted(adapter);
            }
            let learner = Learner::new(model, compute);
            let first = versions.path(WeightVersion(0));
            if first.exists() {
                fs::remove_dir_all(&first).map_err(io("remove", &first))?;
            }
            versions.save(&learner, &Record::default(), &versions.base, None)?;
        }
        Ok(versions)
    }

    /// A folder of versions that another rank has opened.
    pub fn follow(
        folder: &Path,
        base: &Path,
        keep: usize,
        adapter: Option<NewAdapter>,
    ) -> Result<Self, ModelError> {
        let folder = folder.canonicalize().map_err(io("find", folder))?;
        let base = base.canonicalize().map_err(io("find", base))?;
        Ok(Self { folder, base, keep, adapter, _lock: None })
    }

    /// The name of the run whose versions they are.
    pub fn run(&self) -> &str {
        name(&self.folder)
    }

    /// The folder of a version.
    pub fn path(&self, version: WeightVersion) -> PathBuf {
        self.folder.join(version.folder())
    }

    /// Takes up the latest version, on one of several ranks.
    pub fn load(&self, compute: Compute, place: Place) -> Result<(Learner, Record), ModelError> {
        let latest = self.latest()?.ok_or_else(|| ModelError::Invalid {
            path: self.folder.clone(),
            problem: "it has no version of the weights".into(),
        })?;
        let folder = self.path(latest);
        let path = folder.join(RECORD);
        let bytes = fs::read(&path).map_err(io("read", &path))?;
        let mut record: Record = serde_json::from_slice(&bytes)
            .map_err(|error| ModelError::Invalid { path, problem: error.to_string() })?;
        if let Some(report) = &mut record.report {
            report.folder.clone_from(&folder);
        }
        let model = match (&self.adapter, masters_of(&folder)) {
            (Some(new), _) => self.adapted(&folder, &new.form, compute)?,
            (None, Some(masters)) => Decoder::load_file(&folder, &masters, compute.device)?,
            (None, None) if lora::is_adapter(&folder) => {
                return Err(other_kind(&folder, "it is an adapter, whole weights were"));
            }
            (None, None) => Decoder::load(&folder, compute.device)?,
        };
        let mut learner = Learner::sharded(model, compute, place);
        if record.optimizer_steps > 0 {
            let layout = AdamW::layout(learner.model.learned());
            let path = folder.join(MOMENTS);
            // One at a time: a rank keeps its share only.
            for (index, moment) in layout.iter().enumerate() {
                let saved = read_named(&path, std::slice::from_ref(moment))?.remove(0);
                learner.optimizer.restore(index, &saved);
            }
            learner.optimizer.resume(record.optimizer_steps);
        }
        learner.entropy_coefficient = record.entropy_coefficient;
        Ok((learner, record))
    }

    /// The base, which does not learn and so is of the kind of the activations, with the adapter of a
    /// version.
    fn adapted(&self, folder: &Path, form: &Lora, compute: Compute) -> Result<Decoder, ModelError> {
        if !lora::is_adapter(folder) {
            return Err(other_kind(folder, "it has whole weights, an adapter was"));
        }
        let adapter = lora::load(folder)?;
        if adapter.form != *form {
            return Err(other_kind(folder, "it is an adapter, one of another form was"));
        }
        let base = Decoder::load_as(&self.base, (compute.kind, compute.device))?;
        Ok(base.adapted(adapter))
    }

    /// Writes a new version and drops the oldest. The files that are not weights come from
    /// `source`.
    pub fn save(
        &self,
        learner: &Learner,
        record: &Record,
        source: &Path,
        fault: Option<Fault>,
    ) -> Result<PathBuf, ModelError> {
        let mut alone = Ranks::alone();
        self.save_whole(
            learner,
            record,
            source,
            fault,
            &mut Moments::of(learner, record.optimizer_steps > 0, &mut alone),
        )
    }

    /// The same on the leader of several ranks, which give it their shares, and on them. They must
    /// agree on what came of it.
    pub fn save_among(
        &self,
        learner: &Learner,
        record: &Record,
        source: &Path,
        fault: Option<Fault>,
        ranks: &mut Ranks,
    ) -> Result<Result<PathBuf, ModelError>, GroupError> {
        let leads = ranks.place().leads();
        let mut moments = Moments::of(learner, record.optimizer_steps > 0, ranks);
        let saved = if leads {
            self.save_whole(learner, record, source, fault, &mut moments)
        } else {
            Ok(self.path(record.version))
        };
        moments.finish()?;
        Ok(saved)
    }

    fn save_whole(
        &self,
        learner: &Learner,
        record: &Record,
        source: &Path,
        fault: Option<Fault>,
        moments: &mut Moments<'_>,
    ) -> Result<PathBuf, ModelError> {
        let target = self.path(record.version);
        let temporary = self.folder.join(format!(".{}{TEMPORARY}", record.version.folder()));
        let step = Step(record.version.0);
        room(&self.folder, bytes(learner, record))?;
        let written = fs::create_dir(&temporary).map_err(io("make", &temporary)).and_then(|()| {
            Fault::reached(fault, Point::BeforeWrite, step);
            write(&temporary, learner, record, source, moments, fault)
        });
        if let Err(error) = written {
            // Nothing half-written stays; why it was not written matters more than this.
            let _ = fs::remove_dir_all(&temporary);
            return Err(error);
        }
        Fault::reached(fault, Point::AfterWrite, step);
        fs::rename(&temporary, &target).map_err(io("rename", &temporary))?;
        sync_folder(&self.folder)?;
        Fault::reached(fault, Point::AfterRename, step);
        self.drop_old()?;
        Ok(target)
    }

    fn drop_old(&self) -> Result<(), ModelError> {
        let versions = self.versions()?;
        for version in &versions[..versions.len().saturating_sub(self.keep.max(1))] {
            let path = self.path(*version);
            fs::remove_dir_all(&path).map_err(io("remove", &path))?;
        }
        Ok(())
    }

    fn latest(&self) -> Result<Option<WeightVersion>, ModelError> {
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

/// Takes a folder for this process, until it ends in whatever way.
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

fn write(
    folder: &Path,
    learner: &Learner,
    record: &Record,
    source: &Path,
    moments: &mut Moments<'_>,
    fault: Option<Fault>,
) -> Result<(), ModelError> {
    copy_description(source, folder)?;
    let own = folder.join("trainer");
    fs::create_dir(&own).map_err(io("make", &own))?;
    let parameters = learner.model.learned();
    let kind = learner.compute.kind;
    if let Some(adapter) = learner.model.adapter() {
        lora::write(adapter, folder)?;
    } else {
        write_tensors(&folder.join("model.safetensors"), parameters, kind)?;
        if kind != Kind::Float {
            write_tensors(&folder.join(MASTERS), parameters, Kind::Float)?;
        }
    }
    Fault::reached(fault, Point::MidWrite, Step(record.version.0));
    if record.optimizer_steps > 0 {
        let layout = moments.layout();
        let next = || moments.whole().map_err(std::io::Error::other);
        write_in_turn(&folder.join(MOMENTS), &layout, Kind::Float, next)?;
    }
    let path = folder.join(RECORD);
    let text = serde_json::to_vec_pretty(record).expect("a record is plain data");
    fs::write(&path, text).map_err(io("write", &path))?;
    sync_file(&path)?;
    sync_folder(&own)?;
    sync_folder(folder)
}

/// The file of a version's weights in f32, where those for the servers are not.
pub fn masters_of(version: &Path) -> Option<PathBuf> {
    Some(version.join(MASTERS)).filter(|masters| masters.exists())
}

/// Bytes of the tensors that a version has.
fn bytes(learner: &Learner, record: &Record) -> u64 {
    let weights = match (learner.model.adapter(), learner.compute.kind) {
        (Some(_), _) | (None, Kind::Float) => 4,
        (None, kind) => kind.elt_size_in_bytes() + 4,
    };
    let moments = if record.optimizer_steps > 0 { 8 } else { 0 };
    let numbers: usize = learner.model.learned().iter().map(|(_, tensor)| tensor.numel()).sum();
    (numbers * (weights + moments)) as u64
}

fn other_kind(folder: &Path, found: &str) -> ModelError {
    let problem = format!(
        "{found} to be trained\n\
         hint: go on with the settings of lora that the run began with, or choose another folder"
    );
    ModelError::Invalid { path: folder.into(), problem }
}

/// Fails if the disk has no room for this many bytes: better now than half-way.
pub fn room(folder: &Path, bytes: u64) -> Result<(), ModelError> {
    let free = rustix::fs::statvfs(folder)
        .map(|disk| disk.f_bavail * disk.f_frsize)
        .map_err(|error| io("look at the disk of", folder)(error.into()))?;
    if free >= bytes {
        return Ok(());
    }
    let problem = format!(
        "it takes {} MB and the disk has {} MB left\n\
         hint: make room, or keep fewer versions",
        bytes.div_ceil(1_000_000),
        free / 1_000_000
    );
    let source = std::io::Error::new(std::io::ErrorKind::StorageFull, problem);
    Err(io("write a version to", folder)(source))
}

/// Copies what a model folder has beside its weights: configuration, tokenizer, chat template.
pub fn copy_description(from: &Path, to: &Path) -> Result<(), ModelError> {
    for entry in fs::read_dir(from).map_err(io("read", from))? {
        let path = entry.map_err(io("read", from))?.path();
        let kind = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let describes = ["json", "jinja", "txt", "model"].contains(&kind)
            && !name.ends_with(".index.json")
            && name != "adapter_config.json";
        if describes && path.is_file() {
            let copy = to.join(name);
            fs::copy(&path, &copy).map_err(io("write", &copy))?;
            sync_file(&copy)?;
        }
    }
    Ok(())
}

fn sync_file(path: &Path) -> Result<(), ModelError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(io("write", path))
}

fn io<'a>(action: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> ModelError + use<'a> {
    move |source| ModelError::Io { action, path: path.into(), source }
}

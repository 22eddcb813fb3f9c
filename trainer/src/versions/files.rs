//! The files of a weight version, of which each rank writes its own.
//!
//! A version is a Hugging Face folder, or an adapter in PEFT's files if an adapter is trained. Its
//! subfolder `trainer` has the optimizer's moments, f32 weights if the published ones are bf16,
//! and a record of the update: all that is needed to continue from it.
//!
//! A single rank writes one file of each kind, `model.safetensors`. Each of several ranks writes whole
//! tensors of the model, `model-00001-of-00004.safetensors`, as Hugging Face shards a model, and its
//! shards of moments and f32 weights. Any number of ranks can read what any other
//! number wrote.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use retrial_protocol::{Lora, Step};
use serde_json::json;
use tch::{Kind, Tensor};

use super::disk::{io, sync_file, write_file};
use super::record::Record;
use crate::compute::Compute;
use crate::fault::{Fault, Point};
use crate::model::lora::{self, NewAdapter};
use crate::model::{Decoder, ModelError, Shards, shard_name, sync_folder, write_tensors};
use crate::ranks::Place;
use crate::update::Learner;
use crate::update::sequences::partition;

// In a subfolder: vLLM loads every safetensors file beside the weights.
pub(super) const OWN: &str = "trainer";
pub(super) const RECORD: &str = "trainer/record.json";
pub(super) const MOMENTS: &str = "optimizer";
pub(super) const MASTERS: &str = "weights";
pub(super) const MODEL: &str = "model";
const INDEX: &str = "model.safetensors.index.json";

/// Makes the folder of a version before it is written. Remains of a failed attempt are removed.
pub fn begin(folder: &Path) -> Result<(), ModelError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(io("remove", folder))?;
    }
    fs::create_dir(folder).map_err(io("make", folder))?;
    let own = folder.join(OWN);
    fs::create_dir(&own).map_err(io("make", &own))
}

/// Writes one rank's files of a version, and flushes them. The leader also writes the files that are
/// not weights, copied from `source`, and the record.
pub fn write(
    folder: &Path,
    learner: &Learner,
    record: &Record,
    source: &Path,
    place: Place,
    fault: Option<Fault>,
) -> Result<(), ModelError> {
    let (learned, kind) = (learner.model.learned(), learner.compute.kind);
    let own = |stem: &str| folder.join(OWN).join(shard_name(stem, place.rank, place.world));
    let shares = || learned.iter().map(|(name, _)| name).zip(learner.optimizer.shares());
    match learner.model.adapter() {
        Some(adapter) if place.leads() => lora::write(adapter, folder)?,
        Some(_) => {}
        None => {
            let mut shards = shards(learned, place.world);
            if place.leads() && place.world > 1 {
                write_index(&folder.join(INDEX), learned, &shards, kind)?;
            }
            let whole = |index: usize| (learned[index].0.clone(), learned[index].1.shallow_clone());
            let shard: Vec<_> = shards.swap_remove(place.rank).into_iter().map(whole).collect();
            let name = shard_name(MODEL, place.rank, place.world);
            write_tensors(&folder.join(name), &shard, kind)?;
            if kind != Kind::Float {
                let masters = shares().map(|(name, share)| (name.clone(), &share.weight));
                write_shares(&own(MASTERS), masters)?;
            }
        }
    }
    Fault::reached(fault, Point::MidWrite, Step(record.version.0));
    if record.optimizer_steps > 0 {
        let moments = shares().flat_map(|(name, share)| {
            let [first, second] = moment_names(name);
            [(first, &share.first), (second, &share.second)]
        });
        write_shares(&own(MOMENTS), moments)?;
    }
    if place.leads() {
        copy_description(source, folder)?;
        let text = serde_json::to_vec_pretty(record).expect("a record is plain data");
        write_file(&folder.join(RECORD), &text)?;
    }
    Ok(())
}

/// Flushes the folder of a version, once all files are written.
pub fn sync(folder: &Path) -> Result<(), ModelError> {
    sync_folder(&folder.join(OWN))?;
    sync_folder(folder)
}

/// Loads a version on one of several ranks: the whole model that products use, and
/// this rank's shard of the rest. An adapter is put on the model in `base`.
pub fn read(
    folder: &Path,
    base: &Path,
    adapter: Option<&NewAdapter>,
    compute: Compute,
    place: Place,
) -> Result<(Learner, Record), ModelError> {
    let path = folder.join(RECORD);
    let bytes = fs::read(&path).map_err(io("read", &path))?;
    let mut record: Record = serde_json::from_slice(&bytes)
        .map_err(|error| ModelError::Invalid { path, problem: error.to_string() })?;
    if let Some(report) = &mut record.report {
        report.folder = folder.into();
    }
    let kind = compute.of_weights(place);
    let model = model(folder, base, adapter, compute, place)?;
    let mut learner = Learner::sharded(model, compute, place);
    let Learner { model, optimizer, .. } = &mut learner;
    let parameters = model.learned().iter().zip(optimizer.shares_mut());
    let take = |files: &mut Shards, name: &str, like: &Tensor, share: &mut Tensor| {
        let whole = files.read(name, &like.size())?;
        tch::no_grad(|| share.copy_(&place.share(&whole)));
        Ok(())
    };
    // One at a time: a rank keeps only its shard.
    let mut exact = match (adapter, kind, masters_of(folder)?) {
        (Some(_), _, _) | (None, Kind::Float, _) => None,
        (None, _, Some(masters)) => Some(masters),
        // The run used f32 before.
        (None, _, None) => Shards::open(folder, MODEL)?,
    };
    let mut moments = None;
    if record.optimizer_steps > 0 {
        let missing = || ModelError::Invalid {
            path: folder.into(),
            problem: "it lacks the optimizer's moments".into(),
        };
        moments = Some(Shards::open(&folder.join(OWN), MOMENTS)?.ok_or_else(missing)?);
    }
    for ((name, like), share) in parameters {
        if let Some(files) = &mut exact {
            take(files, name, like, &mut share.weight)?;
        }
        if let Some(files) = &mut moments {
            let [first, second] = moment_names(name);
            take(files, &first, like, &mut share.first)?;
            take(files, &second, like, &mut share.second)?;
        }
    }
    optimizer.resume(record.optimizer_steps);
    learner.entropy_coefficient = record.entropy_coefficient;
    Ok((learner, record))
}

/// The weights of a version for the products of one of several ranks. An adapter is put on the model in
/// `base`.
pub fn model(
    folder: &Path,
    base: &Path,
    adapter: Option<&NewAdapter>,
    compute: Compute,
    place: Place,
) -> Result<Decoder, ModelError> {
    let as_stored = (compute.of_weights(place), compute.device);
    match (adapter, masters_of(folder)?) {
        (Some(new), _) => adapted(folder, base, &new.form, compute),
        (None, Some(mut masters)) => Decoder::load_shards(folder, &mut masters, as_stored),
        (None, None) if lora::is_adapter(folder) => {
            Err(other_kind(folder, "it is an adapter, whole weights were"))
        }
        (None, None) => Decoder::load_as(folder, as_stored),
    }
}

/// The base, which is not trained and so has the kind of the activations, with the adapter of a
/// version.
fn adapted(
    folder: &Path,
    base: &Path,
    form: &Lora,
    compute: Compute,
) -> Result<Decoder, ModelError> {
    if !lora::is_adapter(folder) {
        return Err(other_kind(folder, "it has whole weights, an adapter was"));
    }
    let adapter = lora::load(folder)?;
    if adapter.form != *form {
        return Err(other_kind(folder, "it is an adapter, one of another form was"));
    }
    let base = Decoder::load_as(base, (compute.kind, compute.device))?;
    Ok(base.adapted(adapter))
}

/// The f32 weights of a version whose published ones are of another kind.
pub fn masters_of(version: &Path) -> Result<Option<Shards>, ModelError> {
    Shards::open(&version.join(OWN), MASTERS)
}

/// Size of a version's tensors in bytes, of all ranks.
pub fn bytes(learner: &Learner, record: &Record) -> u64 {
    let weights = match (learner.model.adapter(), learner.compute.kind) {
        (Some(_), _) | (None, Kind::Float) => 4,
        (None, kind) => kind.elt_size_in_bytes() + 4,
    };
    let moments = if record.optimizer_steps > 0 { 8 } else { 0 };
    let numbers: usize = learner.model.learned().iter().map(|(_, tensor)| tensor.numel()).sum();
    (numbers * (weights + moments)) as u64
}

/// Copies the files of a model folder that are not weights: configuration, tokenizer, chat template.
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

/// Partitions the weights over ranks, by about the same number of bytes.
fn shards(learned: &[(String, Tensor)], world: usize) -> Vec<Vec<usize>> {
    let sizes: Vec<usize> = learned.iter().map(|(_, tensor)| tensor.numel()).collect();
    partition(&sizes, world)
}

/// Writes the index: which file has each weight.
fn write_index(
    path: &Path,
    learned: &[(String, Tensor)],
    shards: &[Vec<usize>],
    kind: Kind,
) -> Result<(), ModelError> {
    let of_shard = |(rank, shard): (usize, &Vec<usize>)| {
        let file = shard_name(MODEL, rank, shards.len());
        shard.iter().map(move |&index| (&learned[index].0, file.clone())).collect::<Vec<_>>()
    };
    let files: BTreeMap<_, _> = shards.iter().enumerate().flat_map(of_shard).collect();
    let numbers: usize = learned.iter().map(|(_, tensor)| tensor.numel()).sum();
    let size = numbers * kind.elt_size_in_bytes();
    let index = json!({ "metadata": { "total_size": size }, "weight_map": files });
    write_file(path, &serde_json::to_vec_pretty(&index).expect("names are plain data"))
}

/// Writes a rank's f32 shards. A tensor with fewer numbers than ranks has none for
/// some.
fn write_shares<'a>(
    path: &Path,
    shares: impl Iterator<Item = (String, &'a Tensor)>,
) -> Result<(), ModelError> {
    let there = shares.filter(|(_, share)| share.numel() > 0);
    let there: Vec<_> = there.map(|(name, share)| (name, share.shallow_clone())).collect();
    write_tensors(path, &there, Kind::Float)
}

fn moment_names(parameter: &str) -> [String; 2] {
    ["first_moment", "second_moment"].map(|moment| format!("{parameter}.{moment}"))
}

fn other_kind(folder: &Path, found: &str) -> ModelError {
    let problem = format!(
        "{found} to be trained\n\
         hint: go on with the settings of lora that the run began with, or choose another folder"
    );
    ModelError::Invalid { path: folder.into(), problem }
}

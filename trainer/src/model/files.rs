//! Tensors in safetensors files.
//!
//! Only one tensor at a time is in memory as bytes when a model is read, and a piece of one when it is
//! written, so neither needs more memory than the model.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use super::ModelError;
use super::stored::TensorFile;

/// Numbers written at once: few enough to stay in the processor's cache.
const PIECE: i64 = 1 << 19;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads the named tensors of a model folder as f32, from `model.safetensors` or from the shards that
/// `model.safetensors.index.json` lists. The error lists all missing tensors and all unexpected
/// ones.
pub fn read_tensors(
    folder: &Path,
    wanted: &[(String, Vec<i64>)],
) -> Result<Vec<Tensor>, ModelError> {
    let (single, index) = (folder.join(SINGLE), folder.join(INDEX));
    if single.exists() || !index.exists() {
        return read_exactly(&single, wanted);
    }
    let Index { weight_map } = read_index(&index)?;
    complete(&index, wanted, &weight_map.keys().cloned().collect::<Vec<_>>())?;
    let mut shards: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, (name, _)) in wanted.iter().enumerate() {
        shards.entry(&weight_map[name]).or_default().push(position);
    }
    let mut tensors: Vec<(usize, Tensor)> = Vec::with_capacity(wanted.len());
    for (shard, positions) in shards {
        let of_shard: Vec<_> = positions.iter().map(|&position| wanted[position].clone()).collect();
        tensors.extend(positions.into_iter().zip(read_named(&folder.join(shard), &of_shard)?));
    }
    tensors.sort_by_key(|&(position, _)| position);
    Ok(tensors.into_iter().map(|(_, tensor)| tensor).collect())
}

/// Whether a folder has the weights of a model.
pub fn has_model(folder: &Path) -> bool {
    folder.join(SINGLE).exists() || folder.join(INDEX).exists()
}

/// Reads an optional tensor of a model folder as f32, and returns the file that has it.
pub fn read_if_there(folder: &Path, name: &str) -> Result<Option<(PathBuf, Tensor)>, ModelError> {
    let (single, index) = (folder.join(SINGLE), folder.join(INDEX));
    let path = if single.exists() || !index.exists() {
        single
    } else {
        match read_index(&index)?.weight_map.get(name) {
            Some(shard) => folder.join(shard),
            None => return Ok(None),
        }
    };
    let mut file = TensorFile::open(&path)?;
    if !file.has(name) {
        return Ok(None);
    }
    let tensor = file.read(name)?.to_kind(Kind::Float);
    Ok(Some((path, tensor)))
}

fn read_index(path: &Path) -> Result<Index, ModelError> {
    let text = std::fs::read(path).map_err(io("read", path))?;
    serde_json::from_slice(&text)
        .map_err(|error| ModelError::Invalid { path: path.into(), problem: error.to_string() })
}

/// Reads the named tensors of one safetensors file as f32 and ignores others.
pub fn read_named(path: &Path, wanted: &[(String, Vec<i64>)]) -> Result<Vec<Tensor>, ModelError> {
    let mut file = TensorFile::open(path)?;
    require(path, wanted, &file.names())?;
    file.read_all(wanted)
}

/// Reads the named tensors of a safetensors file as f32. Other tensors are an error.
pub fn read_exactly(path: &Path, wanted: &[(String, Vec<i64>)]) -> Result<Vec<Tensor>, ModelError> {
    let mut file = TensorFile::open(path)?;
    complete(path, wanted, &file.names())?;
    file.read_all(wanted)
}

/// Fails with the names of all missing tensors.
fn require(path: &Path, wanted: &[(String, Vec<i64>)], there: &[String]) -> Result<(), ModelError> {
    let missing = |name: &&String| !there.contains(name);
    let names: Vec<String> = wanted.iter().map(|(name, _)| name).filter(missing).cloned().collect();
    if names.is_empty() { Ok(()) } else { Err(ModelError::Missing { path: path.into(), names }) }
}

/// As [`require`], but also fails with the names of all unexpected tensors.
fn complete(
    path: &Path,
    wanted: &[(String, Vec<i64>)],
    there: &[String],
) -> Result<(), ModelError> {
    require(path, wanted, there)?;
    let known = |name: &String| {
        wanted.iter().any(|(wanted, _)| wanted == name)
            // Written by older libraries: a copy of the embedding, and a constant.
            || name == "lm_head.weight"
            || name.ends_with("rotary_emb.inv_freq")
    };
    let mut names: Vec<String> = there.iter().filter(|name| !known(name)).cloned().collect();
    names.sort_unstable();
    if names.is_empty() { Ok(()) } else { Err(ModelError::Unexpected { path: path.into(), names }) }
}

/// Writes tensors to a safetensors file, as f32 or bf16, and flushes it to the disk.
pub fn write_tensors(
    path: &Path,
    tensors: &[(String, Tensor)],
    kind: Kind,
) -> Result<(), ModelError> {
    let layout: Vec<_> =
        tensors.iter().map(|(name, tensor)| (name.clone(), tensor.size())).collect();
    let mut tensors = tensors.iter();
    let next = || Ok(tensors.next().expect("one for each name").1.shallow_clone());
    write_in_turn(path, &layout, kind, next)
}

/// Writes tensors that an iterator yields one after another.
pub fn write_in_turn(
    path: &Path,
    layout: &[(String, Vec<i64>)],
    kind: Kind,
    next: impl FnMut() -> std::io::Result<Tensor>,
) -> Result<(), ModelError> {
    write(path, layout, kind, next).map_err(io("write", path))
}

fn write(
    path: &Path,
    layout: &[(String, Vec<i64>)],
    kind: Kind,
    mut next: impl FnMut() -> std::io::Result<Tensor>,
) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let header = header(layout, kind).map_err(std::io::Error::other)?;
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    let mut bytes = Vec::new();
    for _ in layout {
        for piece in next()?.detach().flatten(0, -1).split(PIECE, 0) {
            let piece = piece.to_kind(kind).to_device(Device::Cpu).contiguous();
            bytes.resize(piece.numel() * kind.elt_size_in_bytes(), 0);
            piece.copy_data_u8(&mut bytes, piece.numel());
            file.write_all(&bytes)?;
        }
    }
    file.into_inner()?.sync_all()
}

fn header(layout: &[(String, Vec<i64>)], kind: Kind) -> Result<Vec<u8>, SafeTensorError> {
    let dtype = if kind == Kind::BFloat16 { Dtype::BF16 } else { Dtype::F32 };
    let mut end = 0;
    let entries = layout.iter().map(|(name, shape)| {
        let shape: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
        let start = end;
        end += shape.iter().product::<usize>() * kind.elt_size_in_bytes();
        (name.clone(), TensorInfo { dtype, shape, data_offsets: (start, end) })
    });
    // transformers refuses a file without this entry.
    let format = [("format".to_owned(), "pt".to_owned())].into();
    let metadata = Metadata::new(Some(format), entries.collect())?;
    let mut header =
        serde_json::to_vec(&metadata).map_err(|error| SafeTensorError::IoError(error.into()))?;
    // The format requires tensors to begin at a multiple of 8.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}

/// Flushes a folder's entries to the disk, so that a rename inside it survives a crash.
pub fn sync_folder(folder: &Path) -> Result<(), ModelError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(io("write", folder))
}

fn io<'a>(action: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> ModelError + use<'a> {
    move |source| ModelError::Io { action, path: path.into(), source }
}

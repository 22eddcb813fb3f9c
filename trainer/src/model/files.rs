//! Tensors in safetensors files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Deserialize;
use tch::{Kind, Tensor};

use super::ModelError;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Reads the named tensors of a model folder as f32: of `model.safetensors`, or of the shards that
/// `model.safetensors.index.json` lists.
///
/// Tensors that are not asked for are ignored; all that are missing are named in the error.
pub fn read_tensors(
    folder: &Path,
    wanted: &[(String, Vec<i64>)],
) -> Result<Vec<Tensor>, ModelError> {
    let single = folder.join("model.safetensors");
    let index = folder.join("model.safetensors.index.json");
    if single.exists() || !index.exists() {
        return read_named(&single, wanted);
    }
    let Index { weight_map } = serde_json::from_slice(&read(&index)?)
        .map_err(|error| ModelError::Invalid { path: index.clone(), problem: error.to_string() })?;
    require(&index, wanted, |name| weight_map.contains_key(name))?;
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

/// Reads the named tensors of one safetensors file as f32.
pub fn read_named(path: &Path, wanted: &[(String, Vec<i64>)]) -> Result<Vec<Tensor>, ModelError> {
    let bytes = read(path)?;
    let invalid = |problem: String| ModelError::Invalid { path: path.into(), problem };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| invalid(error.to_string()))?;
    require(path, wanted, |name| file.tensor(name).is_ok())?;
    wanted
        .iter()
        .map(|(name, expected)| {
            let view = file.tensor(name).map_err(|error| invalid(error.to_string()))?;
            let found: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
            if found != *expected {
                return Err(ModelError::Shape {
                    path: path.into(),
                    name: name.clone(),
                    found,
                    expected: expected.clone(),
                });
            }
            let kind = match view.dtype() {
                Dtype::F32 => Kind::Float,
                Dtype::F16 => Kind::Half,
                Dtype::BF16 => Kind::BFloat16,
                other => {
                    return Err(invalid(format!("`{name}` is {other:?}, not a floating type")));
                }
            };
            Tensor::f_from_data_size(view.data(), &found, kind)
                .map(|tensor| tensor.to_kind(Kind::Float))
                .map_err(|error| invalid(format!("`{name}`: {error}")))
        })
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    std::fs::read(path).map_err(|source| ModelError::Io {
        action: "read",
        path: path.into(),
        source,
    })
}

/// Fails with the names of all wanted tensors that are not there.
fn require(
    path: &Path,
    wanted: &[(String, Vec<i64>)],
    there: impl Fn(&str) -> bool,
) -> Result<(), ModelError> {
    let names: Vec<String> =
        wanted.iter().map(|(name, _)| name).filter(|name| !there(name)).cloned().collect();
    if names.is_empty() { Ok(()) } else { Err(ModelError::Missing { path: path.into(), names }) }
}

/// Writes f32 tensors to a safetensors file and flushes it to the disk.
pub fn write_tensors(path: &Path, tensors: &[(String, Tensor)]) -> Result<(), ModelError> {
    let failed = |source| ModelError::Io { action: "write", path: path.into(), source };
    let data: Vec<(Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(_, tensor)| {
            let tensor = tensor.detach().to_device(tch::Device::Cpu).contiguous();
            let mut bytes = vec![0; tensor.numel() * 4];
            tensor.copy_data_u8(&mut bytes, tensor.numel());
            (tensor.size().iter().map(|&size| size as usize).collect(), bytes)
        })
        .collect();
    let views = tensors.iter().zip(&data).map(|((name, _), (shape, bytes))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes)
            .expect("an f32 tensor has four bytes an element");
        (name.as_str(), view)
    });
    // transformers refuses a file without this entry.
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    let bytes = safetensors::serialize(views, Some(metadata))
        .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    std::fs::write(path, bytes).map_err(failed)?;
    File::open(path).and_then(|file| file.sync_all()).map_err(failed)
}

/// Flushes a folder's entries to the disk, so that a rename inside it survives a crash.
pub fn sync_folder(folder: &Path) -> Result<(), ModelError> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(|source| ModelError::Io {
        action: "write",
        path: folder.into(),
        source,
    })
}

//! Tensors in safetensors files.

use std::fs::File;
use std::path::Path;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tch::{Kind, Tensor};

use super::ModelError;

/// Reads the named tensors of a safetensors file as f32.
///
/// Tensors that are not asked for are ignored; all that are missing are named in the error.
pub fn read_tensors(
    path: &Path,
    wanted: &[(String, Vec<i64>)],
) -> Result<Vec<Tensor>, ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::Io {
        action: "read",
        path: path.into(),
        source,
    })?;
    let invalid = |problem: String| ModelError::Invalid { path: path.into(), problem };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| invalid(error.to_string()))?;

    let missing: Vec<String> = wanted
        .iter()
        .filter(|(name, _)| file.tensor(name).is_err())
        .map(|(name, _)| name.clone())
        .collect();
    if !missing.is_empty() {
        return Err(ModelError::Missing { path: path.into(), names: missing });
    }
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

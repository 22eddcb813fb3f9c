//! Whether the files of a version are what the trainer wrote.
//!
//! Servers do not survive broken weights: vLLM takes a missing tensor for a warning and keeps the
//! old one, `SGLang` ends at a truncated file. So the headers are read before a server is asked to
//! read the files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use safetensors::tensor::Metadata;

use crate::model::ModelError;

/// Bytes before the header: its length.
const LENGTH_BYTES: u64 = 8;

/// Checks that the safetensors files of `folder` are whole and have the expected tensors, of the
/// expected shapes, and no others.
pub fn check(folder: &Path, expected: &[(String, Vec<i64>)]) -> Result<(), ModelError> {
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let failed = |source| ModelError::Io { action: "read", path: folder.into(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            found.extend(tensors(&path)?);
        }
    }
    let missing = expected.iter().map(|(name, _)| name).filter(|name| !found.contains_key(*name));
    let names: Vec<String> = missing.cloned().collect();
    if !names.is_empty() {
        return Err(ModelError::Missing { path: folder.into(), names });
    }
    for (name, shape) in expected {
        let found = found.remove(name).unwrap_or_default();
        if found != *shape {
            let (path, name, expected) = (folder.into(), name.clone(), shape.clone());
            return Err(ModelError::Shape { path, name, found, expected });
        }
    }
    match found.into_keys().next() {
        None => Ok(()),
        Some(name) => {
            let problem = format!("its tensor `{name}` is not of this model");
            Err(ModelError::Invalid { path: folder.into(), problem })
        }
    }
}

/// Names and shapes of the tensors of a file that is as long as its header says.
fn tensors(path: &Path) -> Result<Vec<(String, Vec<i64>)>, ModelError> {
    let invalid = |problem: String| ModelError::Invalid { path: path.into(), problem };
    let failed = |source| ModelError::Io { action: "read", path: path.into(), source };
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut start = [0; LENGTH_BYTES as usize];
    let header = match file.read_exact(&mut start) {
        Ok(()) => u64::from_le_bytes(start),
        Err(_) => return Err(invalid(format!("it has {length} bytes, and no header"))),
    };
    if header > length - LENGTH_BYTES {
        return Err(invalid(format!("it has {length} bytes, its header alone {header}")));
    }
    let mut bytes = Vec::new();
    (&mut file).take(header).read_to_end(&mut bytes).map_err(failed)?;
    let metadata: Metadata =
        serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
    let whole = LENGTH_BYTES + header + metadata.data_len() as u64;
    if length != whole {
        return Err(invalid(format!("it has {length} bytes, its header says {whole}")));
    }
    let shape = |shape: &[usize]| shape.iter().map(|&size| size as i64).collect();
    Ok(metadata.tensors().into_iter().map(|(name, info)| (name, shape(&info.shape))).collect())
}

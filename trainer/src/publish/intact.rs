//! Checks that the files of a version are what the trainer wrote.
//!
//! Servers do not survive broken weights: vLLM only warns of a missing tensor and keeps the
//! old one, `SGLang` crashes on a truncated file. So the headers are read before a server is asked to
//! read the files.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{Entry, ModelError, StoredTensors};

/// Checks that the safetensors files of `folder` are whole and have the expected tensors, of the
/// expected shapes, and no others.
pub fn check(folder: &Path, expected: &[(String, Vec<i64>)]) -> Result<(), ModelError> {
    let entries = StoredTensors::open(folder)?.entries()?;
    let mut found: BTreeMap<String, Vec<i64>> =
        entries.into_iter().map(|Entry { name, shape, .. }| (name, shape)).collect();
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

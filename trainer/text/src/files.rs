//! Reading the files of a model folder.

use std::path::Path;

use serde_json::{Map, Value};

use crate::TextError;

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TextError> {
    std::fs::read(path).map_err(|source| TextError::Read { path: path.into(), source })
}

/// A JSON object.
pub(crate) fn read_json(path: &Path) -> Result<Map<String, Value>, TextError> {
    serde_json::from_slice(&read(path)?).map_err(|error| invalid(path, &error))
}

/// An optional JSON file.
pub(crate) fn read_json_if_there(path: &Path) -> Result<Option<Value>, TextError> {
    if path.exists() { Ok(Some(Value::Object(read_json(path)?))) } else { Ok(None) }
}

pub(crate) fn invalid(path: &Path, problem: &impl ToString) -> TextError {
    TextError::Invalid { path: path.into(), problem: problem.to_string() }
}

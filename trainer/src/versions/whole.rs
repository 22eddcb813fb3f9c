//! Whether a version on disk is intact: a power failure, a full disk or an incomplete copy
//! leave files that are truncated or missing.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value};

use super::disk::io;
use super::files::{MASTERS, MODEL, MOMENTS, OWN, RECORD};
use super::record::Record;
use crate::model::{ModelError, Shards, StoredTensors, lora};

/// Checks that all files of a version exist and have the length in their headers.
pub fn check(folder: &Path) -> Result<(), ModelError> {
    let record: Record = json(&folder.join(RECORD))?;
    if lora::is_adapter(folder) {
        StoredTensors::open(folder)?;
    } else {
        let _: Map<String, Value> = json(&folder.join("config.json"))?;
        present(folder, MODEL, "weights")?;
    }
    let own = folder.join(OWN);
    Shards::open(&own, MASTERS)?;
    if record.optimizer_steps > 0 {
        present(&own, MOMENTS, "the optimizer's moments")?;
    }
    Ok(())
}

/// Whether an error means damaged files, not files that cannot be read at the moment.
pub fn is_damage(error: &ModelError) -> bool {
    use ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    match error {
        ModelError::Io { source, .. } => {
            matches!(source.kind(), InvalidData | NotFound | UnexpectedEof)
        }
        _ => true,
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let bytes = fs::read(path).map_err(io("read", path))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ModelError::Invalid { path: path.into(), problem: error.to_string() })
}

fn present(folder: &Path, stem: &str, what: &str) -> Result<(), ModelError> {
    let missing =
        || ModelError::Invalid { path: folder.into(), problem: format!("it lacks {what}") };
    Shards::open(folder, stem)?.map(drop).ok_or_else(missing)
}

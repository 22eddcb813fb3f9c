//! Numbers and words as the log keeps them.

use std::str::FromStr;

use retrial_grader::Verdict;

use super::StoreError;
use crate::domain::FinishReason;

/// Token ids, little-endian.
pub fn ids_to_blob(ids: &[u32]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}

/// The reverse of [`ids_to_blob`].
pub fn ids_from_blob(blob: &[u8]) -> Vec<u32> {
    blob.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect()
}

/// Log-probabilities, little-endian, bit for bit.
pub fn floats_to_blob(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The reverse of [`floats_to_blob`].
pub fn floats_from_blob(blob: &[u8]) -> Vec<f32> {
    blob.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// A verdict by its word.
pub fn verdict(word: &str) -> Result<Verdict, StoreError> {
    Verdict::from_str(word)
        .map_err(|_| StoreError::Unknown { what: "a verdict", value: word.into() })
}

/// A finish reason by its word.
pub fn finish(word: &str) -> Result<FinishReason, StoreError> {
    [FinishReason::Stop, FinishReason::Length]
        .into_iter()
        .find(|reason| reason.as_str() == word)
        .ok_or_else(|| StoreError::Unknown { what: "a finish reason", value: word.into() })
}

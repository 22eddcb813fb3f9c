//! Lists of numbers, as stored in the log.

use crate::error::unknown;

/// Token ids, little-endian.
pub fn ids_to_blob(ids: &[u32]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}

/// The reverse of [`ids_to_blob`].
pub fn ids_from_blob(blob: &[u8]) -> sqlx::Result<Vec<u32>> {
    Ok(words(blob)?.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect())
}

/// Log-probabilities, little-endian, bit for bit.
pub fn floats_to_blob(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The reverse of [`floats_to_blob`].
pub fn floats_from_blob(blob: &[u8]) -> sqlx::Result<Vec<f32>> {
    Ok(words(blob)?.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

fn words(blob: &[u8]) -> sqlx::Result<&[[u8; 4]]> {
    match blob.as_chunks() {
        (words, []) => Ok(words),
        _ => Err(unknown("a list of numbers", &format!("{} bytes", blob.len()))),
    }
}

//! The rows of a file: JSON Lines, a JSON array, CSV or Parquet, recognised by their first bytes.
//!
//! A file is read as a stream: no more than a row, or a page of Parquet, is in memory.

mod array;
mod csv;
mod lines;
mod parquet;
mod row;

use std::fs::File;
use std::io::{BufReader, Cursor, Read};

use crate::error::RowsError;
use crate::source::DataFile;

pub use row::{Row, Sink};

use row::{Stopped, broken};

/// Bytes to look at to recognise the format.
const HEAD: u64 = 4096;
/// Size of the pieces that are read.
const PIECE: usize = 1 << 17;

/// Reads a file until its end, or until the sink stops. From a columnar file
/// only the needed columns are read.
pub fn read(
    file: &DataFile,
    used: &dyn Fn(&str) -> bool,
    sink: &mut Sink<'_>,
) -> Result<(), RowsError> {
    let failed = |problem: String| RowsError::Read { file: file.shown.clone(), problem };
    let mut opened = File::open(&file.path).map_err(|error| failed(error.to_string()))?;
    let head = head(&mut opened).map_err(|error| failed(error.to_string()))?;
    let stopped = if head.starts_with(b"PAR1") {
        parquet::read(opened, used, sink).map_err(|error| format!("as Parquet: {error}"))
    } else if head.starts_with(&[0x1f, 0x8b]) {
        let stream = Cursor::new(head).chain(opened);
        text(flate2::read::MultiGzDecoder::new(stream), &file.shown, sink)
    } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        match zstd::Decoder::new(Cursor::new(head).chain(opened)) {
            Ok(stream) => text(stream, &file.shown, sink),
            Err(error) => Err(format!("as Zstandard: {error}")),
        }
    } else {
        text(Cursor::new(head).chain(opened), &file.shown, sink)
    };
    stopped.map_err(failed)
}

/// Reads a text file.
fn text(mut stream: impl Read, name: &str, sink: &mut Sink<'_>) -> Stopped {
    let mut head = head(&mut stream).map_err(|error| broken(&error))?;
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16\nhint: save it as UTF-8".into());
    }
    if head.starts_with(b"\xef\xbb\xbf") {
        head.drain(..3);
    }
    let first = head.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    let stream = BufReader::with_capacity(PIECE, Cursor::new(head).chain(stream));
    let lower = name.to_ascii_lowercase();
    let plain = lower.trim_end_matches(".gz").trim_end_matches(".zst");
    let ending = plain.rsplit('.').next().unwrap_or_default();
    if ending == "csv" {
        csv::read(stream, b',', sink)
    } else if ending == "tsv" {
        csv::read(stream, b'\t', sink)
    } else if first == Some(b'[') {
        array::read(stream, sink)
    } else {
        lines::read(stream, sink)
    }
}

/// The first bytes of a stream.
fn head(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

//! A row, and helpers of all readers.

use std::io::{BufRead, Read as _};
use std::ops::ControlFlow;
use std::rc::Rc;

use serde_json::{Map, Value};

/// A row: its cells by column.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The cells that were read.
    pub cells: Map<String, Value>,
    /// All columns of the file, if not all of them were read.
    pub columns: Option<Rc<[String]>>,
}

/// A sink of rows: it gets the number of the line or row, and the row or its error.
pub type Sink<'a> = dyn FnMut(u64, Result<Row, String>) -> ControlFlow<()> + 'a;

/// Why reading stopped, for people.
pub(crate) type Stopped = Result<(), String>;

impl Row {
    /// Whether this column exists.
    pub fn has(&self, column: &str) -> bool {
        match &self.columns {
            Some(columns) => columns.iter().any(|name| name == column),
            None => self.cells.contains_key(column),
        }
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<String> {
        match &self.columns {
            Some(columns) => columns.to_vec(),
            None => self.cells.keys().cloned().collect(),
        }
    }
}

/// The message for a stream that is truncated or cannot be decompressed.
pub(super) fn broken(error: &std::io::Error) -> String {
    format!("{error}\nhint: the file may be truncated; download it again")
}

/// The error of a piece of JSON, without line numbers: `serde_json` counts lines inside the piece.
pub(super) fn said(error: &serde_json::Error) -> String {
    error
        .to_string()
        .replace(" at line 1 column", " at column")
        .replace("expected a map", "expected an object")
}

/// A row of JSON.
pub(super) fn row(json: &[u8]) -> Result<Row, String> {
    let cells = serde_json::from_slice(json).map_err(|error| said(&error))?;
    Ok(Row { cells, columns: None })
}

/// Reads a line without its line end into a buffer, up to a limit; none at the end.
pub(super) fn line(
    stream: &mut impl BufRead,
    longest: u64,
    buffer: &mut Vec<u8>,
) -> std::io::Result<bool> {
    buffer.clear();
    Ok(stream.by_ref().take(longest).read_until(b'\n', buffer)? > 0)
}

//! A row, and what all readers of rows have in common.

use std::io::{BufRead, Read as _};
use std::ops::ControlFlow;
use std::rc::Rc;

use serde_json::{Map, Value};

/// A row: its cells by column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) cells: Map<String, Value>,
    /// All columns of the file, where not all of them were read.
    pub(crate) columns: Option<Rc<[String]>>,
}

/// Who takes the rows: the line, or the number of the row, and the row, or what is wrong with it.
pub(crate) type Sink<'a> = dyn FnMut(u64, Result<Row, String>) -> ControlFlow<()> + 'a;

/// What a reader stopped at, for people.
pub(crate) type Stopped = Result<(), String>;

impl Row {
    /// Whether there is such a column.
    pub(crate) fn has(&self, column: &str) -> bool {
        match &self.columns {
            Some(columns) => columns.iter().any(|name| name == column),
            None => self.cells.contains_key(column),
        }
    }

    /// The names of the columns.
    pub(crate) fn columns(&self) -> Vec<String> {
        match &self.columns {
            Some(columns) => columns.to_vec(),
            None => self.cells.keys().cloned().collect(),
        }
    }
}

/// What is said of a stream that ends in the middle or cannot be unpacked.
pub(super) fn broken(error: &std::io::Error) -> String {
    format!("{error}\nhint: the file may have been cut; get it again")
}

/// What is wrong with a piece of JSON: `serde_json` counts lines inside the piece.
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

/// Reads a line without its end into a buffer, no more than so many bytes; none at the end.
pub(super) fn line(
    stream: &mut impl BufRead,
    longest: u64,
    buffer: &mut Vec<u8>,
) -> std::io::Result<bool> {
    buffer.clear();
    Ok(stream.by_ref().take(longest).read_until(b'\n', buffer)? > 0)
}

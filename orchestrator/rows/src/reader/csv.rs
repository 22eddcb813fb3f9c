//! CSV with a header. Every cell is a text; an empty one is missing.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use serde_json::Value;

use super::row::{Row, Sink, Stopped};

pub(super) fn read(stream: impl Read, delimiter: u8, sink: &mut Sink<'_>) -> Stopped {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(stream);
    let names = reader.headers().map_err(|error| format!("its header: {error}"))?.clone();
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        let row = match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => Ok(cells(&names, &record)),
            Err(error) => match error.kind() {
                csv::ErrorKind::Io(error) => return Err(super::broken(error)),
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    Err(format!("it has {len} cells, the header has {expected_len}"))
                }
                _ => Err(error.to_string()),
            },
        };
        let line = record.position().map_or(line, csv::Position::line);
        if sink(line, row).is_break() {
            return Ok(());
        }
    }
}

fn cells(names: &StringRecord, record: &StringRecord) -> Row {
    let cell = |text: &str| match text {
        "" => Value::Null,
        text => text.into(),
    };
    let cells = names.iter().zip(record).map(|(name, text)| (name.trim().to_owned(), cell(text)));
    Row { cells: cells.collect(), columns: None }
}

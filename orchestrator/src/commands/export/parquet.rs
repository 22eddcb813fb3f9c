//! Failed responses as Parquet.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, Result};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use retrial_lte::HintKind;
use retrial_store::Failure;

/// Rows that are written together.
const ROWS: usize = 4096;

/// What is in a column, and where a row has it.
enum Column {
    Text(fn(&Failure) -> &str),
    TextOrNone(fn(&Failure) -> Option<&str>),
    Number(fn(&Failure) -> u64),
    RealOrNone(fn(&Failure) -> Option<f64>),
    Texts(fn(&Failure) -> Option<&[String]>),
    Json(fn(&Failure) -> String),
}

/// The columns, as JSON lines have them; tags are a JSON object in a text.
const COLUMNS: [(&str, Column); 20] = [
    ("run", Column::Text(|row| &row.run)),
    ("step", Column::Number(|row| row.step)),
    ("problem", Column::Text(|row| &row.problem)),
    ("trial", Column::Text(|row| row.trial.as_str())),
    ("position", Column::Number(|row| row.position)),
    ("problem_text", Column::Text(|row| &row.problem_text)),
    ("right_answer", Column::Text(|row| &row.right_answer)),
    ("tags", Column::Json(|row| serde_json::Value::Object(row.tags.clone()).to_string())),
    ("kind", Column::Text(|row| row.kind.as_str())),
    ("wrong_answer", Column::TextOrNone(|row| row.wrong_answer.as_deref())),
    ("canonical", Column::TextOrNone(|row| row.canonical.as_deref())),
    ("reward", Column::RealOrNone(|row| row.reward)),
    ("rewards", Column::Json(|row| serde_json::json!(row.rewards).to_string())),
    ("reason", Column::TextOrNone(|row| row.reason.as_deref())),
    ("response", Column::Text(|row| &row.response)),
    ("weight_version", Column::Number(|row| row.weight_version)),
    ("hint_kind", Column::TextOrNone(|row| row.hint_kind.map(HintKind::as_str))),
    ("hint", Column::TextOrNone(|row| row.hint.as_deref())),
    ("listed_answers", Column::Texts(|row| row.listed_answers.as_deref())),
    ("rescue", Column::TextOrNone(|row| row.rescue.as_deref())),
];

impl Column {
    fn declaration(&self, name: &str) -> String {
        match self {
            Self::Text(_) => format!("required binary {name} (STRING);"),
            Self::TextOrNone(_) => format!("optional binary {name} (STRING);"),
            Self::Number(_) => format!("required int64 {name};"),
            Self::RealOrNone(_) => format!("optional double {name};"),
            Self::Json(_) => format!("required binary {name} (JSON);"),
            Self::Texts(_) => format!(
                "optional group {name} (LIST) {{ repeated group list \
                 {{ required binary element (STRING); }} }}"
            ),
        }
    }

    fn write(&self, rows: &[Failure], column: &mut SerializedColumnWriter<'_>) -> Result<()> {
        match self {
            Self::Text(of) => {
                let values: Vec<ByteArray> = rows.iter().map(|row| of(row).into()).collect();
                column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
            }
            Self::Json(of) => {
                let values: Vec<ByteArray> =
                    rows.iter().map(|row| of(row).into_bytes().into()).collect();
                column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
            }
            Self::TextOrNone(of) => {
                let values: Vec<ByteArray> = rows.iter().filter_map(of).map(Into::into).collect();
                let there: Vec<i16> = rows.iter().map(|row| i16::from(of(row).is_some())).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&there), None)?;
            }
            Self::RealOrNone(of) => {
                let values: Vec<f64> = rows.iter().filter_map(of).collect();
                let there: Vec<i16> = rows.iter().map(|row| i16::from(of(row).is_some())).collect();
                column.typed::<DoubleType>().write_batch(&values, Some(&there), None)?;
            }
            Self::Number(of) => {
                let values: Vec<i64> = rows.iter().map(|row| of(row).cast_signed()).collect();
                column.typed::<Int64Type>().write_batch(&values, None, None)?;
            }
            Self::Texts(of) => {
                let (values, there, further) = lists(rows.iter().map(of));
                let column = column.typed::<ByteArrayType>();
                column.write_batch(&values, Some(&there), Some(&further))?;
            }
        }
        Ok(())
    }
}

/// Lists as Parquet has them: the values; of each place whether there is no list (0), an empty one
/// (1) or a value (2); and whether it goes on with the list of the place before (1).
fn lists<'a>(
    lists: impl Iterator<Item = Option<&'a [String]>>,
) -> (Vec<ByteArray>, Vec<i16>, Vec<i16>) {
    let (mut values, mut there, mut further) = (Vec::new(), Vec::new(), Vec::new());
    for list in lists {
        match list {
            None | Some([]) => {
                there.push(i16::from(list.is_some()));
                further.push(0);
            }
            Some(list) => {
                values.extend(list.iter().map(|value| ByteArray::from(value.as_str())));
                there.extend(list.iter().map(|_| 2));
                further.extend((0..list.len()).map(|place| i16::from(place > 0)));
            }
        }
    }
    (values, there, further)
}

/// A file that is being written.
pub struct Sheet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    rows: Vec<Failure>,
}

impl<W: Write + Send> Sheet<W> {
    /// Begins a file.
    pub fn begin(out: W) -> Result<Self> {
        let columns = COLUMNS.iter().map(|(name, column)| column.declaration(name));
        let schema = format!("message mistake {{ {} }}", columns.collect::<String>());
        let schema = Arc::new(parse_message_type(&schema)?);
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        Ok(Self { file, rows: Vec::new() })
    }

    /// Adds a row.
    pub fn add(&mut self, row: Failure) -> Result<()> {
        self.rows.push(row);
        if self.rows.len() == ROWS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        let mut group = self.file.next_row_group()?;
        for (name, column) in &COLUMNS {
            let mut next = group.next_column()?.with_context(|| format!("no column {name}"))?;
            column.write(&self.rows, &mut next)?;
            next.close()?;
        }
        group.close()?;
        self.rows.clear();
        Ok(())
    }

    /// Writes what is left, and the end of the file.
    pub fn end(mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.write()?;
        }
        self.file.close()?;
        Ok(())
    }
}

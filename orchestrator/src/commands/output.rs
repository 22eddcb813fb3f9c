//! Rows on standard output: a table for people, JSON lines or CSV for programs.

use std::io::Write;

use anyhow::Result;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{Cell, CellAlignment, Table};
use retrial_report::sheet;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// Characters of a text that a table shows.
pub const SHOWN: usize = 60;

/// Format of the rows; by default a table, in which texts are shortened to a line.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Format {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// CSV with a header
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Format {
    /// Whether the output is for people.
    pub fn is_table(self) -> bool {
        !self.json && !self.csv
    }
}

/// Rows with the same columns, written one after another; a table is written at the end.
pub struct Rows<'a, W: Write>(Writer<'a, W>);

enum Writer<'a, W: Write> {
    /// Collects all rows: a column is as wide as its widest cell.
    Table {
        out: &'a mut W,
        table: Table,
        empty: bool,
    },
    Json {
        out: &'a mut W,
        columns: Vec<String>,
    },
    Csv {
        out: csv::Writer<&'a mut W>,
    },
}

impl<'a, W: Write> Rows<'a, W> {
    /// Starts with the names of the columns.
    pub fn begin(out: &'a mut W, format: Format, columns: Vec<String>) -> Result<Self> {
        if format.json {
            return Ok(Self(Writer::Json { out, columns }));
        }
        if format.csv {
            let mut out = csv::Writer::from_writer(out);
            out.write_record(columns.iter().map(|name| sheet::cell(name).into_owned()))?;
            return Ok(Self(Writer::Csv { out }));
        }
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(columns.iter().map(|name| beginning(name)));
        Ok(Self(Writer::Table { out, table, empty: true }))
    }

    /// A row; its values are those of the columns.
    pub fn row(&mut self, values: &[Value]) -> Result<()> {
        match &mut self.0 {
            Writer::Table { table, empty, .. } => {
                *empty = false;
                table.add_row(values.iter().map(cell));
            }
            Writer::Json { out, columns } => {
                writeln!(out, "{}", serde_json::to_string(&Object { columns, values })?)?;
            }
            Writer::Csv { out } => out.write_record(values.iter().map(csv_cell))?,
        }
        Ok(())
    }

    /// Ends with the last row.
    pub fn end(self) -> Result<()> {
        match self.0 {
            Writer::Table { out, empty: true, .. } => writeln!(out, "nothing found")?,
            Writer::Table { out, table, .. } => writeln!(out, "{table}")?,
            Writer::Csv { mut out } => out.flush()?,
            Writer::Json { .. } => {}
        }
        Ok(())
    }
}

/// Writes records: programs get all fields, people the cells of a table.
pub fn write_records<T: Serialize>(
    out: &mut impl Write,
    format: Format,
    records: &[T],
    header: &[&str],
    cells: impl Fn(&T) -> Vec<Value>,
) -> Result<()> {
    if format.json {
        for record in records {
            writeln!(out, "{}", serde_json::to_string(record)?)?;
        }
        return Ok(());
    }
    if format.csv {
        return Ok(sheet::write(out, records)?);
    }
    let columns = header.iter().map(|&name| name.to_owned()).collect();
    let mut rows = Rows::begin(out, format, columns)?;
    records.iter().try_for_each(|record| rows.row(&cells(record)))?;
    rows.end()
}

/// A row as an object, its keys in the order of the columns.
struct Object<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len()))?;
        for (column, value) in self.columns.iter().zip(self.values) {
            map.serialize_entry(column, value)?;
        }
        map.end()
    }
}

fn cell(value: &Value) -> Cell {
    let cell = Cell::new(beginning(&plain(value)));
    if value.is_number() { cell.set_alignment(CellAlignment::Right) } else { cell }
}

/// A value in CSV: only texts may need escaping.
fn csv_cell(value: &Value) -> String {
    match value {
        Value::String(text) => sheet::cell(text).into_owned(),
        other => plain(other),
    }
}

/// A value without quotes; nothing for a missing one.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The beginning of a text, in one line.
pub fn beginning(text: &str) -> String {
    let text = line(text);
    if text.len() <= SHOWN {
        return text.into_iter().collect();
    }
    text[..SHOWN - 1].iter().chain(['…'].iter()).collect()
}

/// The end of a text, in one line.
pub fn end(text: &str) -> String {
    let text = line(text);
    if text.len() <= SHOWN {
        return text.into_iter().collect();
    }
    ['…'].iter().chain(&text[text.len() - (SHOWN - 1)..]).collect()
}

/// A text in one line, without control characters that a model may have written.
fn line(text: &str) -> Vec<char> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(json: bool, csv: bool, rows: &[[Value; 3]]) -> String {
        let mut out = Vec::new();
        let columns = ["text", "number", "nothing"].map(str::to_owned).to_vec();
        let mut sheet = Rows::begin(&mut out, Format { json, csv }, columns).unwrap();
        for row in rows {
            sheet.row(row).unwrap();
        }
        sheet.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_same_rows_in_three_ways() {
        let rows =
            [[json!("a\n\"b\""), json!(1.5), Value::Null], [json!("c"), json!(12), json!(0)]];
        insta::assert_snapshot!(written(false, false, &rows), @r#"
        | text  | number | nothing |
        |-------|--------|---------|
        | a "b" |    1.5 |         |
        | c     |     12 |       0 |
        "#);
        assert_eq!(
            written(true, false, &rows),
            "{\"text\":\"a\\n\\\"b\\\"\",\"number\":1.5,\"nothing\":null}\n\
             {\"text\":\"c\",\"number\":12,\"nothing\":0}\n"
        );
        assert_eq!(
            written(false, true, &rows),
            "text,number,nothing\n\"a\n\"\"b\"\"\",1.5,\nc,12,0\n"
        );
    }

    #[test]
    fn what_a_model_wrote_is_no_formula_and_no_escape_code() {
        let rows = [[json!("=cmd()\u{1b}[2J"), json!(-1), json!("-1/2")]];
        assert_eq!(
            written(false, true, &rows),
            "text,number,nothing\n'=cmd()\u{fffd}[2J,-1,'-1/2\n"
        );
        let table = written(false, false, &rows);
        assert!(!table.contains('\u{1b}') && table.contains("-1/2"), "{table}");
    }

    #[test]
    fn no_rows() {
        assert_eq!(written(false, false, &[]), "nothing found\n");
        assert_eq!(written(true, false, &[]), "");
        assert_eq!(written(false, true, &[]), "text,number,nothing\n");
    }

    #[test]
    fn texts_are_cut_to_a_line() {
        assert_eq!(beginning("a\n b\u{1b}[31m"), "a b\u{fffd}[31m");
        assert_eq!(end("short"), "short");
        let long: String = ('a'..='z').cycle().take(100).collect();
        assert_eq!(beginning(&long), format!("{}…", &long[..SHOWN - 1]));
        assert_eq!(end(&long), format!("…{}", &long[100 - (SHOWN - 1)..]));
    }
}

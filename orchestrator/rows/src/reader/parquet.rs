//! Parquet, in every codec. Only the needed columns are read.

use std::fs::File;
use std::rc::Rc;
use std::sync::Arc;

use parquet::errors::Result;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row as Record};
use parquet::schema::types::{Type, TypePtr};
use serde_json::{Map, Value};

use super::row::{Row, Sink};

pub(super) fn read(file: File, used: &dyn Fn(&str) -> bool, sink: &mut Sink<'_>) -> Result<()> {
    let reader = SerializedFileReader::new(file)?;
    let schema = reader.metadata().file_metadata().schema();
    let (name, fields) = (schema.name(), schema.get_fields());
    let columns: Rc<[String]> = fields.iter().map(|field| field.name().to_owned()).collect();
    let wanted: Vec<TypePtr> =
        fields.iter().filter(|field| used(field.name())).map(Arc::clone).collect();
    if wanted.is_empty() {
        // No known column: one row without cells reports that.
        let row = Row { cells: Map::new(), columns: Some(columns) };
        let _ = sink(1, Ok(row));
        return Ok(());
    }
    let wanted = Type::group_type_builder(name).with_fields(wanted).build()?;
    for (number, row) in (1..).zip(reader.get_row_iter(Some(wanted))?) {
        let row = Row { cells: object(&row?), columns: Some(Rc::clone(&columns)) };
        if sink(number, Ok(row)).is_break() {
            break;
        }
    }
    Ok(())
}

/// The cells of a row by column.
fn object(row: &Record) -> Map<String, Value> {
    row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
}

/// A cell; types that JSON does not have (dates, bytes) are written as text.
fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(it) => Value::Bool(*it),
        Field::Byte(it) => (*it).into(),
        Field::Short(it) => (*it).into(),
        Field::Int(it) => (*it).into(),
        Field::Long(it) => (*it).into(),
        Field::UByte(it) => (*it).into(),
        Field::UShort(it) => (*it).into(),
        Field::UInt(it) => (*it).into(),
        Field::ULong(it) => (*it).into(),
        // By its digits: 0.1 stays 0.1.
        Field::Float(it) => it.to_string().parse::<f64>().map_or(Value::Null, Value::from),
        Field::Double(it) => (*it).into(),
        Field::Str(text) => text.as_str().into(),
        // A text that its writer did not mark as text.
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).map_or(Value::Null, Value::from),
        Field::Group(row) => Value::Object(object(row)),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => other.to_string().into(),
    }
}

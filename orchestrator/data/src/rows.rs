//! The rows of a data set's file, JSON Lines or Parquet, each as a line of JSON.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::reader::parquet::object;
use crate::strict::DatasetError;

/// What a Parquet file begins with.
const PARQUET: &[u8] = b"PAR1";

/// The rows with their numbers from 1; empty lines are none.
pub fn read(path: &Path) -> Result<Vec<(usize, String)>, DatasetError> {
    let failed = |source| DatasetError::Read { path: path.into(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut beginning = Vec::new();
    file.by_ref().take(PARQUET.len() as u64).read_to_end(&mut beginning).map_err(failed)?;
    if beginning == PARQUET {
        return parquet(file)
            .map_err(|error| failed(std::io::Error::other(format!("as Parquet: {error}"))));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    Ok(lines.map(|(index, line)| (index + 1, line.to_owned())).collect())
}

fn parquet(file: File) -> parquet::errors::Result<Vec<(usize, String)>> {
    let reader = SerializedFileReader::new(file)?;
    let rows = reader.get_row_iter(None)?;
    (1..)
        .zip(rows)
        .map(|(number, row)| Ok((number, Value::Object(object(&row?)).to_string())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::basic::Compression;
    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::{Benchmark, load};

    /// A file of the shape in which `datasets` publishes a table: optional columns, snappy.
    fn write(path: &Path) {
        let schema = "message schema { optional int64 id; optional binary question (STRING);
            optional group final_answer (LIST) { repeated group list
            { optional binary element (STRING); } } optional binary subfield (STRING);
            optional double score; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = File::create(path).unwrap();
        let mut file = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
        let mut group = file.next_row_group().unwrap();
        let texts = |texts: &[&str]| texts.iter().map(|&text| ByteArray::from(text)).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[1606, 1607], Some(&[1, 1]), None).unwrap();
        column.close().unwrap();
        let questions: Vec<ByteArray> = texts(&["Find $x>0$ with $x^2=4$.", "Solve $x^2=4$."]);
        let answers: Vec<ByteArray> = texts(&["$2$", "$2$", "$-2$"]);
        let fields: Vec<ByteArray> = texts(&["Algebra"]);
        for (values, there, further) in [
            (questions, &[1, 1][..], None),
            (answers, &[3, 3, 3], Some(&[0, 0, 1][..])),
            (fields, &[1, 0], None),
        ] {
            let mut column = group.next_column().unwrap().unwrap();
            let written = column.typed::<ByteArrayType>();
            written.write_batch(&values, Some(there), further).unwrap();
            column.close().unwrap();
        }
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[0.5], Some(&[1, 0]), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        file.close().unwrap();
    }

    #[test]
    fn a_benchmark_in_parquet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test-00000-of-00001.parquet");
        write(&path);
        let (line, text) = &read(&path).unwrap()[1];
        let expected = serde_json::json!({
            "id": 1607, "question": "Solve $x^2=4$.", "final_answer": ["$2$", "$-2$"],
            "subfield": null, "score": null,
        });
        // The order of the keys depends on features of serde_json that other crates choose.
        assert_eq!(*line, 2);
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), expected);
        let tasks = load(&path, Some(Benchmark::Olympiad), |_| Ok(())).unwrap();
        assert_eq!(tasks[0].problem.id.0, "1606");
        assert_eq!(tasks[0].problem.tags["subfield"], "Algebra");
        assert_eq!(tasks[1].problem.answer, "2, -2");
        // A file that broke off is named.
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = load(&path, None, |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("test-00000-of-00001.parquet: as Parquet"), "{error}");
    }
}

//! The benchmarks of the paper, as they are published.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use retrial_domain::Benchmark;
use retrial_grader::{Extraction, Verdict, grade};

use super::{Folder, load_lines, load_path};

/// Lines of the same shape as the published ones, written by us, with a right response.
const LINES: [(Benchmark, &str, &str, &str); 7] = [
    (
        Benchmark::Math500,
        r#"{"problem":"What is $\\frac{1}{2}+\\frac{1}{4}$?","solution":"It is $\\boxed{\\frac{3}{4}}$.","answer":"\\frac{3}{4}","subject":"Prealgebra","level":1,"unique_id":"test/prealgebra/1.json"}"#,
        "test/prealgebra/1.json",
        "0.75",
    ),
    (
        Benchmark::Minerva,
        r#"{"question":"A cube has a side of 2 m. What is its volume in cubic metres?","answer":"8"}"#,
        "",
        "8.0",
    ),
    (
        Benchmark::Olympiad,
        r#"{"id":1606,"question":"Find $x$ with $x^2=4$ and $x>0$.","solution":["$x=2$"],"final_answer":["$2$"],"context":null,"is_multiple_answer":false,"unit":null,"answer_type":"Numerical","subfield":"Algebra"}"#,
        "1606",
        "2",
    ),
    (
        Benchmark::Olympiad,
        r#"{"id":1607,"question":"Find all $x$ with $x^2=4$.","solution":["..."],"final_answer":["$2$","$-2$"],"is_multiple_answer":true,"subfield":"Algebra"}"#,
        "1607",
        "2, -2",
    ),
    (
        Benchmark::Amc23,
        r#"{"id":0,"question":"What is $5\\cdot 5+2$?","answer":"27.0","url":"https://example.org"}"#,
        "0",
        "27",
    ),
    (
        Benchmark::Aime24,
        r#"{"id":60,"problem":"Find the remainder of $1204$ modulo $1000$.","solution":"...","answer":"204","url":"https://example.org","year":"2024"}"#,
        "60",
        "204",
    ),
    (Benchmark::Aime25, r#"{"problem":"What is $7\\cdot 10$?","answer":70.0,"id":"0"}"#, "0", "70"),
];

#[test]
fn published_columns_become_problems() {
    for (benchmark, text, id, right) in LINES {
        let name = benchmark.name();
        let set = load_lines(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let task = set.task(0);
        // A problem without a name gets one derived from its content.
        let named = !id.is_empty();
        assert_eq!(task.problem.id.0 == id, named, "{name}: {}", task.problem.id);
        for (response, verdict) in [(right, Verdict::Correct), ("77", Verdict::Wrong)] {
            let response = format!("It is \\boxed{{{response}}}.");
            let found = grade(&task.gold().unwrap(), &response, Extraction::Auto).verdict;
            assert_eq!(found, verdict, "{name}: {response} against {}", task.problem.answer);
        }
    }
    let tags = load_lines(LINES[0].1).unwrap().task(0).problem.tags;
    let expected = [("level", "1"), ("subject", "Prealgebra")];
    assert_eq!(tags, expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
}

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
    let folder = Folder::new();
    let path = folder.path("test-00000-of-00001.parquet");
    write(&path);
    let path = path.to_str().unwrap();
    let set = load_path(path).unwrap();
    let first = set.task(0).problem;
    assert_eq!((first.id.0.as_str(), first.text.as_str()), ("1606", "Find $x>0$ with $x^2=4$."));
    assert_eq!(first.tags["subfield"], "Algebra");
    assert_eq!(set.task(1).problem.answer, "2, -2");
    // A truncated file is named.
    let whole = std::fs::read(path).unwrap();
    std::fs::write(path, &whole[..whole.len() / 2]).unwrap();
    let error = load_path(path).unwrap_err().to_string();
    assert!(error.contains("test-00000-of-00001.parquet"), "{error}");
}

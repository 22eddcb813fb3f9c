//! The formats of files.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use flate2::write::GzEncoder;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use retrial_data::Sources;

use super::{Folder, load, load_path, pairs, request};

const LINES: &str = "{\"problem\": \"What is 6 * 7?\", \"answer\": \"42\"}\n\
                     {\"problem\": \"1+1?\", \"answer\": \"2\"}\n";

fn expected() -> Vec<(String, String)> {
    [("What is 6 * 7?", "42"), ("1+1?", "2")].map(|(a, b)| (a.to_owned(), b.to_owned())).into()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_same_rows_in_every_format_of_text() {
    let array = format!("\n[\n{}]", LINES.trim_end().replace("}\n{", "},\n{"));
    let crlf = format!("\u{feff}{}\r\n", LINES.replace('\n', "\r\n\r\n"));
    let csv = "problem,answer,level\n\"What is 6 * 7?\",42,\n1+1?,2,3\n";
    let cases: [(&str, Vec<u8>); 10] = [
        ("a.jsonl", LINES.into()),
        ("a.json", LINES.into()),
        ("no-newline.jsonl", LINES.trim_end().into()),
        ("crlf.jsonl", crlf.into()),
        ("array.json", array.clone().into()),
        ("a.csv", csv.into()),
        ("a.tsv", csv.replace(',', "\t").into()),
        ("a.jsonl.gz", gzip(LINES.as_bytes())),
        ("a.csv.gz", gzip(csv.as_bytes())),
        ("a.json.zst", zstd::encode_all(array.as_bytes(), 3).unwrap()),
    ];
    for (name, bytes) in cases {
        let (_folder, path) = Folder::with(name, bytes);
        let set = load_path(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(pairs(&set), expected(), "{name}");
    }
}

#[test]
fn a_bad_row_is_one_bad_row_in_every_format() {
    let good = (0..30).map(|n| format!("{{\"problem\": \"{n}+1?\", \"answer\": {}}}", n + 1));
    let good: Vec<String> = good.collect();
    let bad = "{\"problem\":\"a \\ud83d b\",\"answer\":\"1\"}";
    let lines =
        format!("{}\n{bad}\n[1]\n{{\"problem\":\"x\u{2028}?\",\"answer\":1}}", good.join("\n"));
    let array = format!("[{},{bad},3,\n{{\"problem\":\"x?\",\"answer\":1}}]", good.join(","));
    let csv: Vec<String> = (0..30).map(|n| format!("{n}+1?,{}", n + 1)).collect();
    let csv = format!("problem,answer\n{}\ntoo,many,cells\nx?,1\nfew\n", csv.join("\n"));
    for (name, text) in [("a.jsonl", lines), ("a.json", array), ("a.csv", csv)] {
        let (_folder, path) = Folder::with(name, text);
        let set = load_path(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(set.len(), 31, "{name}: {}", set.report());
        let out = &set.report().left_out[0];
        assert_eq!(out.count, 2, "{name}");
        let line = if name == "a.csv" { 32 } else { 31 };
        assert_eq!(out.examples[0].line, line, "{name}");
    }
}

/// Two rows of text and numbers, with dictionaries, as `datasets` and `pyarrow` write them.
fn parquet(path: &Path, codec: Compression) {
    let schema = "message schema { optional binary question (STRING); optional int64 answer;
        optional binary generations; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties =
        WriterProperties::builder().set_compression(codec).set_dictionary_enabled(true).build();
    let file = File::create(path).unwrap();
    let mut file = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let texts = ["What is 6 * 7?", "1+1?"].map(ByteArray::from);
    column.typed::<ByteArrayType>().write_batch(&texts, Some(&[1, 1]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[42, 2], Some(&[1, 1]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let bytes = [ByteArray::from(vec![0xff, 0xfe])];
    column.typed::<ByteArrayType>().write_batch(&bytes, Some(&[1, 0]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
}

#[test]
fn parquet_in_every_codec() {
    let folder = Folder::new();
    let codecs = [
        ("none", Compression::UNCOMPRESSED),
        ("snappy", Compression::SNAPPY),
        ("gzip", Compression::GZIP(GzipLevel::default())),
        ("brotli", Compression::BROTLI(BrotliLevel::default())),
        ("lz4", Compression::LZ4),
        ("lz4-raw", Compression::LZ4_RAW),
        ("zstd", Compression::ZSTD(ZstdLevel::default())),
    ];
    for (name, codec) in codecs {
        let path = folder.path(name);
        parquet(&path, codec);
        let set =
            load_path(path.to_str().unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(pairs(&set), expected(), "{name}");
        assert_eq!(set.report().files[0].layout, "question, answer");
    }
}

#[test]
fn a_file_that_is_cut_is_an_error() {
    let folder = Folder::new();
    let whole = folder.path("whole.parquet");
    parquet(&whole, Compression::SNAPPY);
    let parquet = std::fs::read(&whole).unwrap();
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("a.parquet", parquet[..parquet.len() / 2].into(), "a.parquet: as Parquet"),
        ("a.jsonl.gz", gzip(LINES.as_bytes())[..40].into(), "hint: the file may be truncated"),
        ("a.json", b"[{\"problem\": \"1\"".into(), "as a JSON array: EOF"),
        ("b.jsonl", b"\xff\xfe{\0}\0".into(), "it is UTF-16\nhint: save it as UTF-8"),
        ("c.jsonl", b"\n\n".into(), "no problem can be used"),
    ];
    for (name, bytes, expected) in cases {
        let error = load_path(&folder.write(name, bytes)).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn folders_globs_and_several_sources() {
    let folder = Folder::new();
    let row = |n: u32| format!("{{\"problem\": \"{n}+1?\", \"answer\": {}}}\n", n + 1);
    for (name, number) in [("set/a.jsonl", 0), ("set/b/c.jsonl", 1), ("set/d-test.jsonl", 2)] {
        folder.write(name, row(number));
    }
    folder.write("set/a-train.jsonl", row(3));
    let at = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let texts = |path: &str| {
        let set = load_path(path).unwrap();
        set.tasks().map(|task| task.problem.answer).collect::<Vec<_>>()
    };
    assert_eq!(texts(&at("set")), ["4"], "the files of the split that is wanted");
    assert_eq!(texts(&at("set/b")), ["2"]);
    assert_eq!(texts(&at("set/*.jsonl")), ["4", "1", "3"]);
    let toml =
        format!("[{{\"source\": \"{}\", \"weight\": 3}}, \"{}\"]", at("set/a.jsonl"), at("set/b"));
    let sources: Sources = serde_json::from_str(&toml).unwrap();
    let set = load(&request(&sources)).unwrap();
    let parts: Vec<_> = set.parts().iter().map(|part| (part.weight, part.places.clone())).collect();
    assert_eq!(parts, [(3.0, 0..1), (1.0, 1..2)]);
    let error = |path: &str| load_path(path).unwrap_err().to_string();
    assert!(error(&at("nothing*.jsonl")).contains("no file matches it"));
    assert!(error(&at("nothing.jsonl")).contains("there is no such file"));
    assert!(
        error("openai/gsm8k")
            .contains("hint: a data set of the hub is written hf://datasets/openai/gsm8k")
    );
    assert!(error("hf://gsm8k").contains("hint: write it as hf://datasets/OWNER/NAME"));
}

//! What is exported from the log of two runs, in which a model has written hostile text.

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};
use clap::Parser;
use retrial_fixture::{HIDDEN, Log, NAME, SCRIPT, long};
use serde_json::{Value, json};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

async fn exported(log: &Log, what: &str, file: &str, more: &[&str]) -> Result<PathBuf, Failure> {
    let (db, file) = (log.folder.path().join("retrial.db"), log.folder.path().join(file));
    let first = ["export", what, file.to_str().unwrap(), "--db", db.to_str().unwrap()];
    let args = Cli::parse_from(first.into_iter().chain(more.iter().copied())).args;
    run(args).await?;
    Ok(file)
}

async fn refused(log: &Log, what: &str, file: &str, more: &[&str]) -> String {
    match exported(log, what, file, more).await.unwrap_err() {
        Failure::Input(error) => error.to_string(),
        other => panic!("not the input is wrong: {other:?}"),
    }
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn object(row: &Row) -> Value {
    row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect()
}

fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Str(text) => json!(text),
        Field::Long(number) => json!(number),
        Field::Double(number) => json!(number),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        other => panic!("no column has {other}"),
    }
}

#[tokio::test]
async fn failures_with_hints_and_rescues() {
    let log = Log::new().await;
    let rows = lines(&exported(&log, "mistakes", "all.jsonl", &[]).await.unwrap());
    assert_eq!(rows.len(), 9, "three steps, three failures each");
    let mut expected = json!({
        "run": "one", "step": 1, "problem": NAME, "trial": "first", "position": 1,
        "problem_text": format!("What is 1 + 1? {SCRIPT}"), "right_answer": "2",
        "tags": {"level": SCRIPT}, "kind": "wrong", "wrong_answer": "<b>7</b>",
        "canonical": "<b>7</b>", "reward": 0.0, "rewards": {}, "reason": null, "response": HIDDEN, "weight_version": 0, "hint_kind": "hint",
        "hint": format!("Hint: not 3, not <b>7</b> {SCRIPT}"), "listed_answers": ["3", "<b>7</b>"],
        "rescue": "Then it is 2."
    });
    assert_eq!(rows[1], expected);
    expected = rows[2].clone();
    assert_eq!(expected["wrong_answer"], Value::Null);
    assert_eq!(expected["rescue"], Value::Null);
    assert_eq!(expected["response"], long());
    let rows = lines(&exported(&log, "mistakes", "some.jsonl", &["--rescued"]).await.unwrap());
    assert_eq!(rows.len(), 3);
    let rows = lines(&exported(&log, "mistakes", "two.jsonl", &["--run", "two"]).await.unwrap());
    assert_eq!(rows.len(), 0);
}

#[tokio::test]
async fn parquet_has_what_json_lines_have() {
    let log = Log::new().await;
    let expected = lines(&exported(&log, "mistakes", "all.jsonl", &[]).await.unwrap());
    let file = exported(&log, "mistakes", "all.parquet", &[]).await.unwrap();
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    let found: Vec<Value> =
        reader.get_row_iter(None).unwrap().map(|row| object(&row.unwrap())).collect();
    assert_eq!(found.len(), expected.len());
    for (mut found, expected) in found.into_iter().zip(expected) {
        for column in ["tags", "rewards"] {
            found[column] = serde_json::from_str(found[column].as_str().unwrap()).unwrap();
        }
        assert_eq!(found, expected);
    }
    let file = exported(&log, "mistakes", "none.parquet", &["--run", "two"]).await.unwrap();
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
}

#[tokio::test]
async fn numbers_a_step_at_a_time() {
    let log = Log::new().await;
    let steps = lines(&exported(&log, "metrics", "m.jsonl", &["--run", "one"]).await.unwrap());
    assert_eq!(steps.len(), 4, "version 0 is evaluated, three steps are done");
    assert_eq!(
        steps[0],
        json!({"run": "one", "step": 0,
               "metrics": {"held_out/new/pass_at_1": 0.25, "held_out/new/pass_at_8": 0.9}})
    );
    let last = &steps[3];
    assert_eq!(
        (&last["step"], &last["metrics"]["held_out/new/pass_at_1"]),
        (&json!(3), &json!(0.75))
    );
    assert_eq!(last["metrics"]["first_trial_pass_rate"], 0.25);
    assert_eq!(last["metrics"].get("loss"), None, "what is not a number is left out");
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_written() {
    let log = Log::new().await;
    for (what, file, more, hint) in [
        ("mistakes", "a.txt", &[][..], "hint: use .jsonl or .parquet"),
        ("metrics", "a.parquet", &[], "hint: use .jsonl"),
        ("mistakes", "a.jsonl", &["--run", "three"], "hint: its runs are: one, two"),
    ] {
        let error = refused(&log, what, file, more).await;
        assert!(error.contains(hint), "{error}");
        assert!(!log.folder.path().join(file).exists());
    }
    exported(&log, "metrics", "there.jsonl", &[]).await.unwrap();
    let error = refused(&log, "mistakes", "there.jsonl", &[]).await;
    assert!(error.contains("exists already") && error.contains("--force"), "{error}");
    let file = exported(&log, "mistakes", "there.jsonl", &["--force"]).await.unwrap();
    assert_eq!(lines(&file).len(), 9);
    let error = exported(&log, "mistakes", "none/a.jsonl", &[]).await.unwrap_err();
    assert!(error.into_error().to_string().starts_with("cannot write "));
}

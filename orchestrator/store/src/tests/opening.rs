//! Only a log is opened as a log; other files are not changed.

use std::fs;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use super::*;

/// The errors of opening a file to write and to read.
async fn refusals(path: &Path) -> [String; 2] {
    [Store::open(path).await.unwrap_err().to_string(), reader(path).await.unwrap_err().to_string()]
}

fn assert_says(errors: &[String], words: &[&str]) {
    for error in errors {
        for word in words {
            assert!(error.contains(word), "`{word}` is not in: {error}");
        }
    }
}

#[tokio::test]
async fn no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "not a database, but long enough ".repeat(99);
    fs::write(&path, &text).unwrap();
    let words = ["cannot open the log", "notes.txt", "file is not a database", "hint: use another"];
    assert_says(&refusals(&path).await, &words);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_place_where_no_file_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/retrial.db");
    let words = ["missing/retrial.db", "unable to open", "hint: its folder must exist"];
    assert_says(&refusals(&missing).await, &words);
    let words = [folder.path().to_str().unwrap(), "it is a folder"];
    assert_says(&refusals(folder.path()).await, &words);
    let absent = folder.path().join("absent.db");
    assert_says(&[reader(&absent).await.unwrap_err().to_string()], &["absent.db"]);
    assert!(!absent.exists(), "reading makes no file");
}

#[tokio::test]
async fn the_database_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let other = SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE accounts (name TEXT)").execute(&other).await.unwrap();
    other.close().await;
    let before = fs::read(&path).unwrap();
    assert_says(&refusals(&path).await, &["other.db", "not a log of retrial"]);
    assert!(fs::read(&path).unwrap() == before, "it was written to");
}

#[tokio::test]
async fn a_log_of_a_newer_program() {
    let log = Log::new().await;
    let query = "INSERT INTO _sqlx_migrations \
                 (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', true, x'00', 0)";
    sqlx::query(query).execute(&log.store.writer).await.unwrap();
    assert_says(&refusals(&log.path()).await, &["a newer version of retrial", "9999"]);
}

#[tokio::test]
async fn a_log_whose_schema_was_changed() {
    let log = Log::new().await;
    let query = "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1";
    sqlx::query(query).execute(&log.store.writer).await.unwrap();
    let error = Store::open(&log.path()).await.unwrap_err().to_string();
    assert_says(&[error], &["schema 1 does not belong to this version", "hint"]);
}

#[tokio::test]
async fn runs_are_found_by_name() {
    let log = Log::new().await;
    let store = Store::open(&log.path()).await.unwrap();
    let record = store.run_by_name("r").await.unwrap().unwrap();
    assert_eq!((record.id, &record.config["rollout"]["group"]), (log.run, &2.into()));
    assert!(store.run_by_name("other").await.unwrap().is_none());
    let again = NewRun {
        name: "r".into(),
        method: Method::Grpo,
        seed: 0,
        model: "base".into(),
        config: serde_json::Value::Null,
    };
    let error = store.create_run(&again).await.unwrap_err().to_string();
    assert_says(&[error], &["cannot enter the run in", "runs.name"]);
}

#[tokio::test]
async fn a_closed_log_is_one_file() {
    let Log { store, run, folder } = Log::new().await;
    store.close().await;
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["retrial.db"]);
    let copy = folder.path().join("copy.db");
    fs::copy(folder.path().join("retrial.db"), &copy).unwrap();
    let store = Store::open(&copy).await.unwrap();
    assert_eq!(store.run_by_name("r").await.unwrap().unwrap().id, run);
}

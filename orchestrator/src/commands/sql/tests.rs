//! What the command shows and rejects.

use clap::Parser;
use retrial_store::{NewRun, Store};
use serde_json::Value;
use tempfile::TempDir;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

async fn log() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("retrial.db")).await.unwrap();
    let run = NewRun {
        name: "one".into(),
        method: retrial_lte::Method::Lte,
        seed: 7,
        model: "base".into(),
        config: Value::Null,
    };
    store.create_run(&run).await.unwrap();
    store.close().await;
    folder
}

async fn asked(folder: &TempDir, arguments: &[&str]) -> Result<String, Failure> {
    let db = folder.path().join("retrial.db");
    let all = ["sql", "--db", db.to_str().unwrap()].into_iter();
    let args = Cli::parse_from(all.chain(arguments.iter().copied())).args;
    let mut out = Vec::new();
    print(&args, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

async fn refused(folder: &TempDir, query: &str) -> String {
    match asked(folder, &[query]).await.unwrap_err() {
        Failure::Input(error) => error.to_string(),
        other => panic!("not the input is wrong: {other:?}"),
    }
}

#[tokio::test]
async fn every_type_of_value() {
    let folder = log().await;
    let query = "SELECT name, seed, 1.5 AS real, NULL AS none, x'00ff' AS bytes FROM runs";
    let row = asked(&folder, &[query, "--json"]).await.unwrap();
    let expected =
        r#"{"name":"one","seed":7,"real":1.5,"none":null,"bytes":"00ff"}"#.to_owned() + "\n";
    assert_eq!(row, expected);
    let csv = asked(&folder, &[query, "--csv"]).await.unwrap();
    assert_eq!(csv, "name,seed,real,none,bytes\none,7,1.5,,00ff\n");
    let csv = asked(&folder, &["SELECT problem FROM mistakes", "--csv"]).await.unwrap();
    assert_eq!(csv, "problem\n");
}

#[tokio::test]
async fn it_only_reads() {
    let folder = log().await;
    for query in [
        "DELETE FROM runs",
        "SELECT 1; DELETE FROM runs",
        "CREATE TABLE t (x)",
        "PRAGMA user_version = 3",
        "VACUUM",
    ] {
        let error = refused(&folder, query).await;
        assert!(error.contains("hint: this command only reads"), "{query}: {error}");
    }
    let other = folder.path().join("other.db");
    for query in ["ATTACH '{}' AS other", "VACUUM INTO '{}'", "SELECT 1; VACUUM INTO '{}'"] {
        let query = query.replace("{}", other.to_str().unwrap());
        let error = refused(&folder, &query).await;
        assert!(error.contains("hint: this command only reads"), "{query}: {error}");
        assert!(!other.exists(), "it made a file: {query}");
    }
    std::fs::write(&other, "").unwrap();
    refused(&folder, &format!("ATTACH '{}' AS other", other.display())).await;
    assert_eq!(asked(&folder, &["SELECT name FROM runs", "--csv"]).await.unwrap(), "name\none\n");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_there_is() {
    let folder = log().await;
    let error = refused(&folder, "SELECT * FROM mistake").await;
    assert!(error.contains("no such table: mistake\nhint: the views are coverage, "), "{error}");
    let error = refused(&folder, "SELEC 1").await;
    assert!(error.contains("syntax error") && error.contains("docs/schema.md"), "{error}");
}

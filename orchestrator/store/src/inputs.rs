//! The inputs of a run, its model and its data, as fingerprints.

use std::path::Path;

use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::unknown;
use crate::open::reader;
use crate::word::Word;
use crate::{RunId, Store, StoreError};

/// Kind of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// The initial model.
    Model,
    /// The problems to train on.
    Train,
    /// A held-out set.
    HeldOut,
}

impl Word for InputKind {
    const WHAT: &'static str = "a kind of input";
    const ALL: &'static [Self] = &[Self::Model, Self::Train, Self::HeldOut];

    fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Train => "train",
            Self::HeldOut => "heldout",
        }
    }
}

/// An input of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its kind.
    pub kind: InputKind,
    /// The name of the set, or of its kind.
    pub name: String,
    /// Its source; on the hub with the commit.
    pub source: String,
    /// Its fingerprint.
    pub fingerprint: Value,
    /// The report of its rows.
    pub report: Option<Value>,
    /// When it was read, in local time.
    pub read_at: String,
}

/// The inputs of the run of this name, in a log that is opened read-only; none if it cannot be read yet.
pub async fn known_inputs(log: &Path, run: &str) -> Vec<Input> {
    let Ok(readers) = reader(log).await else { return Vec::new() };
    let query = "SELECT inputs.* FROM inputs JOIN runs ON runs.id = run WHERE runs.name = ?";
    let rows = sqlx::query(query).bind(run).fetch_all(&readers).await.unwrap_or_default();
    readers.close().await;
    rows.iter().filter_map(|row| input(row).ok()).collect()
}

fn input(row: &SqliteRow) -> sqlx::Result<Input> {
    let json =
        |text: &str| serde_json::from_str(text).map_err(|_| unknown("an input of a run", text));
    Ok(Input {
        kind: InputKind::by_word(row.try_get("kind")?)?,
        name: row.try_get("name")?,
        source: row.try_get("source")?,
        fingerprint: json(row.try_get("fingerprint")?)?,
        report: row.try_get::<Option<&str>, _>("report")?.map(json).transpose()?,
        read_at: row.try_get("read_at")?,
    })
}

impl Store {
    /// Inserts the inputs of a run.
    pub async fn record_inputs(&self, run: RunId, inputs: &[Input]) -> Result<(), StoreError> {
        let query = "INSERT INTO inputs (run, kind, name, source, fingerprint, report, read_at) \
                     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        self.write("enter the run's inputs in", async |db| {
            for Input { kind, name, source, fingerprint, report, read_at } in inputs {
                sqlx::query(query)
                    .bind(run.0)
                    .bind(kind.word())
                    .bind(name)
                    .bind(source)
                    .bind(fingerprint.to_string())
                    .bind(report.as_ref().map(Value::to_string))
                    .bind(read_at)
                    .execute(&mut *db)
                    .await?;
            }
            Ok(())
        })
        .await
    }

    /// The inputs of a run; none in logs that are older than the table.
    pub async fn inputs(&self, run: RunId) -> Result<Vec<Input>, StoreError> {
        let query = "SELECT * FROM inputs WHERE run = ? ORDER BY rowid";
        self.read("read the run's inputs in", async |db| {
            let rows = sqlx::query(query).bind(run.0).fetch_all(db).await?;
            rows.iter().map(input).collect()
        })
        .await
    }
}

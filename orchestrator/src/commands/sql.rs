//! `retrial sql`: any question to the log.

use std::fmt::Write as _;
use std::io::{Read, Write};

use anyhow::{Context, Result, anyhow};
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Column, Executor, Row, SqlSafeStr, Statement, TypeInfo, ValueRef};

use super::log::LogArgs;
use super::output::{Format, Rows};
use crate::failure::Failure;

/// Asks the log a question in SQL. It only reads.
///
/// docs/schema.md describes tables and views, with the queries for questions that people have. A
/// table shows texts in one line each, cut; --json and --csv have them in full.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    retrial sql 'SELECT * FROM run_summary'\n  \
    retrial sql 'SELECT step, pass_rate FROM step_summary' --csv > pass_rate.csv\n  \
    retrial sql - < question.sql")]
pub struct Args {
    /// The query; `-` reads it from standard input
    query: String,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    format: Format,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    print(&args, &mut std::io::stdout().lock()).await
}

async fn print(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let mut query = args.query.clone();
    if query == "-" {
        query.clear();
        std::io::stdin().read_to_string(&mut query).context("cannot read standard input")?;
    }
    let log = args.log.open().await.map_err(Failure::Input)?;
    let mut db = log.acquire().await?;
    let statement = (&mut *db).prepare(AssertSqlSafe(query.clone()).into_sql_str()).await;
    let statement = match statement {
        Ok(statement) => statement,
        Err(error) => return Err(Failure::Input(explain(&log, &error).await)),
    };
    let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    let mut sheet = Rows::begin(out, args.format, columns)?;
    {
        let mut rows = sqlx::query(AssertSqlSafe(query)).fetch(&mut *db);
        loop {
            match rows.try_next().await {
                Ok(Some(row)) => sheet.row(&values(&row)?)?,
                Ok(None) => break,
                Err(error) => return Err(Failure::Input(explain(&log, &error).await)),
            }
        }
    }
    Ok(sheet.end()?)
}

/// What is wrong with a query, and what there is to ask.
async fn explain(log: &SqlitePool, error: &sqlx::Error) -> anyhow::Error {
    let message = error.as_database_error().map_or(error.to_string(), |e| e.message().to_owned());
    let hint = if message.contains("readonly") {
        "this command only reads; `sqlite3 FILE` also writes".to_owned()
    } else if message.contains("no such table") {
        format!("the views are {}; docs/schema.md describes them and the tables", views(log).await)
    } else {
        "docs/schema.md describes the views and tables, with queries to begin from".to_owned()
    };
    anyhow!("the query: {message}\nhint: {hint}")
}

async fn views(log: &SqlitePool) -> String {
    let query = "SELECT coalesce(group_concat(name, ', '), 'missing') FROM \
                 (SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name)";
    sqlx::query_scalar(query).fetch_one(log).await.unwrap_or_else(|_| "missing".into())
}

/// The values of a row; bytes in hexadecimal.
fn values(row: &SqliteRow) -> Result<Vec<Value>> {
    let value = |at: usize| -> Result<Value> {
        let raw = row.try_get_raw(at)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        Ok(match raw.type_info().name() {
            "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(at)?.into(),
            "REAL" => row.try_get_unchecked::<f64, _>(at)?.into(),
            "BLOB" => {
                let bytes: Vec<u8> = row.try_get_unchecked(at)?;
                let mut hex = String::with_capacity(2 * bytes.len());
                for byte in bytes {
                    write!(hex, "{byte:02x}")?;
                }
                hex.into()
            }
            _ => row.try_get_unchecked::<String, _>(at)?.into(),
        })
    };
    (0..row.len()).map(value).collect()
}

#[cfg(test)]
mod tests;

//! Arbitrary SQL queries of the log.

use std::fmt::Write as _;

use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Column, Executor, Row, SqlSafeStr, Statement, TypeInfo, ValueRef};

use crate::error::QueryError;
use crate::read::statement::beyond_the_log;
use crate::reader::View;

/// The result of a query, read row by row.
pub struct Answer<'v> {
    /// The names of its columns.
    pub columns: Vec<String>,
    rows: BoxStream<'v, sqlx::Result<SqliteRow>>,
}

impl View<'_> {
    /// Runs a query. It can only read, and only the log.
    pub async fn ask(&mut self, query: String) -> Result<Answer<'_>, QueryError> {
        if let Some(word) = beyond_the_log(&query) {
            return Err(QueryError::beyond(word));
        }
        let statement =
            (&mut *self.db).prepare(AssertSqlSafe(query.clone()).into_sql_str()).await?;
        let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        Ok(Answer { columns, rows: sqlx::query(AssertSqlSafe(query)).fetch(&mut *self.db) })
    }

    /// The names of the views, in order.
    pub async fn view_names(&mut self) -> Result<Vec<String>, QueryError> {
        let query = "SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name";
        Ok(sqlx::query_scalar(query).fetch_all(&mut *self.db).await?)
    }
}

impl Answer<'_> {
    /// The values of the next row; bytes in hexadecimal.
    pub async fn next(&mut self) -> Result<Option<Vec<Value>>, QueryError> {
        let row = self.rows.try_next().await?;
        Ok(row.map(|row| (0..row.len()).map(|at| value(&row, at)).collect()).transpose()?)
    }
}

fn value(row: &SqliteRow, at: usize) -> sqlx::Result<Value> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    Ok(match raw.type_info().name() {
        "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(at)?.into(),
        "REAL" => row.try_get_unchecked::<f64, _>(at)?.into(),
        "BLOB" => hex(&row.try_get_unchecked::<Vec<u8>, _>(at)?).into(),
        _ => row.try_get_unchecked::<String, _>(at)?.into(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

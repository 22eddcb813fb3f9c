//! Tables as CSV.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::ApiError;

/// Rows as CSV, a column a field.
pub fn table<T: Serialize>(name: &str, rows: &[T]) -> Result<Response, ApiError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(|error| ApiError::Log(error.to_string()))?;
    }
    sent(name, writer)
}

/// Finished CSV.
pub fn sent(name: &str, writer: csv::Writer<Vec<u8>>) -> Result<Response, ApiError> {
    let body = writer.into_inner().map_err(|error| ApiError::Log(error.to_string()))?;
    let kind = "text/csv; charset=utf-8".to_owned();
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, body).into_response())
}

//! Tables as CSV.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use retrial_report::sheet;
use serde::Serialize;

use crate::error::ApiError;

/// Rows as CSV, a column a field.
pub fn table<T: Serialize>(name: &str, rows: &[T]) -> Result<Response, ApiError> {
    let mut body = Vec::new();
    sheet::write(&mut body, rows).map_err(|error| ApiError::Log(error.to_string()))?;
    Ok(answer(name, body))
}

/// Finished CSV.
pub fn sent(name: &str, writer: csv::Writer<Vec<u8>>) -> Result<Response, ApiError> {
    let body = writer.into_inner().map_err(|error| ApiError::Log(error.to_string()))?;
    Ok(answer(name, body))
}

fn answer(name: &str, body: Vec<u8>) -> Response {
    let kind = "text/csv; charset=utf-8".to_owned();
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)];
    (headers, body).into_response()
}

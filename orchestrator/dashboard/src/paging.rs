//! Pages of tables.

use retrial_store::Window;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiError;

/// Default number of rows on a page.
const PAGE_ROWS: u32 = 50;
/// Limit on the rows of a request.
const MAX_ROWS: u32 = 1000;
/// Most rows of a table as CSV.
const CSV_ROWS: u32 = 10_000;

/// The requested rows of a table.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// The page, from 1.
    pub page: String,
    /// Rows of a page: 50 unless given, 1,000 at most; as CSV all that there are, 10,000 at most.
    pub limit: String,
}

impl Paging {
    /// The requested page.
    pub fn page(&self) -> Result<u32, ApiError> {
        number("page", &self.page, 1, u32::MAX / CSV_ROWS)
    }

    /// Its rows.
    pub fn window(&self) -> Result<Window, ApiError> {
        self.of(PAGE_ROWS, MAX_ROWS)
    }

    /// Its rows as CSV.
    pub fn csv(&self) -> Result<Window, ApiError> {
        self.of(CSV_ROWS, CSV_ROWS)
    }

    fn of(&self, usual: u32, most: u32) -> Result<Window, ApiError> {
        let limit = number("limit", &self.limit, usual, most)?;
        Ok(Window { offset: (self.page()? - 1) * limit, limit })
    }
}

/// A number in a query, from 1; the default if it is missing.
fn number(name: &str, text: &str, usual: u32, most: u32) -> Result<u32, ApiError> {
    if text.is_empty() {
        return Ok(usual);
    }
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| {
        ApiError::Bad(format!("`{name}` is `{text}`, it must be a number from 1 to {most}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(page: &str, limit: &str) -> Paging {
        Paging { page: page.into(), limit: limit.into() }
    }

    #[test]
    fn windows_are_bounded() {
        let window = |page, limit| paging(page, limit).window();
        assert_eq!(window("", "").unwrap(), Window { offset: 0, limit: PAGE_ROWS });
        assert_eq!(window("3", "1000").unwrap(), Window { offset: 2000, limit: 1000 });
        for (page, limit) in [("0", ""), ("x", ""), ("", "1001"), ("99999999", ""), ("-1", "")] {
            assert!(matches!(window(page, limit), Err(ApiError::Bad(_))), "{page} {limit}");
        }
        assert!(paging("429496", "10000").csv().is_ok());
    }
}

//! Rows as structs. sqlx's derive macro for it would build `SQLite` twice.

use std::collections::BTreeMap;

use retrial_domain::{FinishReason, MistakeKind, Trial};
use retrial_grader::Verdict;
use retrial_lte::{GroupOutcome, HintKind, Method};
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::types::Json;
use sqlx::{Row as _, ValueRef as _};

use crate::processes::ProcessOutcome;
use crate::word::Word;

/// A type that can be read from a column.
pub trait Column: Sized {
    /// Reads it.
    fn read(row: &SqliteRow, name: &str) -> sqlx::Result<Self>;
}

macro_rules! as_sqlx_does {
    ($($of:ty),*) => {$(
        impl Column for $of {
            fn read(row: &SqliteRow, name: &str) -> sqlx::Result<Self> {
                row.try_get(name)
            }
        }
    )*};
}

macro_rules! by_word {
    ($($of:ty),*) => {$(
        impl Column for $of {
            fn read(row: &SqliteRow, name: &str) -> sqlx::Result<Self> {
                <Self as Word>::by_word(row.try_get(name)?)
            }
        }
    )*};
}

as_sqlx_does!(i64, f64, bool, String);
by_word!(Verdict, FinishReason, Trial, MistakeKind, GroupOutcome, HintKind, Method, ProcessOutcome);

/// `SQLite` has signed numbers only.
impl Column for u64 {
    fn read(row: &SqliteRow, name: &str) -> sqlx::Result<Self> {
        row.try_get::<i64, _>(name).map(i64::cast_unsigned)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(row: &SqliteRow, name: &str) -> sqlx::Result<Self> {
        if row.try_get_raw(name)?.is_null() {
            return Ok(None);
        }
        T::read(row, name).map(Some)
    }
}

/// Numbers by name from a JSON object; none if there is no object.
impl Column for BTreeMap<String, f64> {
    fn read(row: &SqliteRow, name: &str) -> sqlx::Result<Self> {
        Ok(Option::<Json<Self>>::read(row, name)?.map(|Json(numbers)| numbers).unwrap_or_default())
    }
}

impl<T: DeserializeOwned> Column for Json<T> {
    fn read(row: &SqliteRow, name: &str) -> sqlx::Result<Self> {
        let text: &str = row.try_get(name)?;
        serde_json::from_str(text).map(Self).map_err(|error| sqlx::Error::Decode(error.into()))
    }
}

/// Reads a struct from a row with its fields as columns; after a semicolon, fields that are such
/// structs themselves.
macro_rules! from_row {
    ($of:ident { $($field:ident),* $(,)? $(; $inner:ident)? }) => {
        impl sqlx::FromRow<'_, sqlx::sqlite::SqliteRow> for $of {
            fn from_row(row: &sqlx::sqlite::SqliteRow) -> sqlx::Result<Self> {
                Ok(Self {
                    $($field: $crate::row::Column::read(row, stringify!($field))?,)*
                    $($inner: sqlx::FromRow::from_row(row)?,)?
                })
            }
        }
    };
}

pub(crate) use from_row;

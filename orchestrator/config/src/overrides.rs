//! `--set table.key=value`.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::error::{ConfigError, with_suggestion};

/// Reads `text` and applies the overrides. Errors in the text come with line and column.
pub(crate) fn parse<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    overrides: &[String],
) -> Result<T, ConfigError> {
    let failed = |error: &dyn std::fmt::Display| ConfigError::Parse {
        path: path.into(),
        message: with_suggestion(&error.to_string()),
    };
    let config: T = toml::from_str(text).map_err(|error| failed(&error))?;
    if overrides.is_empty() {
        return Ok(config);
    }
    let mut table: Table = toml::from_str(text).map_err(|error| failed(&error))?;
    for setting in overrides {
        let refused = |problem: String| ConfigError::Override { setting: setting.clone(), problem };
        apply(&mut table, setting).map_err(refused)?;
        // One at a time, so that the error is about the override that caused it.
        read::<T>(&table).map_err(|error| refused(with_suggestion(&error)))?;
    }
    read(&table).map_err(|error| failed(&error))
}

fn read<T: DeserializeOwned>(table: &Table) -> Result<T, String> {
    table.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

fn apply(table: &mut Table, setting: &str) -> Result<(), String> {
    let usage = || "write it as table.key=value, for example run.steps=20".to_owned();
    let (keys, value) = setting.split_once('=').ok_or_else(usage)?;
    let mut keys: Vec<&str> = keys.split('.').map(str::trim).collect();
    let last = keys.pop().filter(|key| !key.is_empty()).ok_or_else(usage)?;
    if keys.is_empty() {
        return Err(usage());
    }
    let mut inner = table;
    for key in keys {
        inner = inner
            .entry(key)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or_else(|| format!("`{key}` is not a table"))?;
    }
    inner.insert(last.to_owned(), parse_value(value.trim()));
    Ok(())
}

/// A TOML value; anything else is a string, so that quotes are not needed.
fn parse_value(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

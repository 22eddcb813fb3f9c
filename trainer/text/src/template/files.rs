//! Where a folder has its chat template.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::TextError;
use crate::files::{invalid, read};

const FILE: &str = "chat_template.jinja";
const FOLDER: &str = "additional_chat_templates";
const DEFAULT: &str = "default";

/// The template that transformers would use, and its file; none if there is none.
///
/// Separate files take precedence over `tokenizer_config.json`. Of several named templates the
/// default is used.
pub(crate) fn find(
    folder: &Path,
    config: &Map<String, Value>,
) -> Result<Option<(PathBuf, String)>, TextError> {
    let file = folder.join(FILE);
    if file.exists() {
        let source = String::from_utf8(read(&file)?).map_err(|error| invalid(&file, &error))?;
        return Ok(Some((file, source)));
    }
    let others = names_in(&folder.join(FOLDER));
    if !others.is_empty() {
        return Err(TextError::NoDefault { names: others });
    }
    let file = folder.join("tokenizer_config.json");
    let named: Vec<(&str, &str)> = match config.get("chat_template") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(source)) => return Ok(Some((file, source.clone()))),
        Some(Value::Array(list)) => list.iter().filter_map(entry).collect(),
        Some(Value::Object(map)) => map
            .iter()
            .filter_map(|(name, source)| Some((name.as_str(), source.as_str()?)))
            .collect(),
        Some(_) => return Err(invalid(&file, &"its chat_template is neither a text nor a list")),
    };
    match named.iter().find(|(name, _)| *name == DEFAULT) {
        Some((_, source)) => Ok(Some((file, (*source).to_owned()))),
        None if named.is_empty() => Ok(None),
        None => {
            let names = named.iter().map(|(name, _)| (*name).to_owned()).collect();
            Err(TextError::NoDefault { names })
        }
    }
}

/// `{"name": ..., "template": ...}`.
fn entry(value: &Value) -> Option<(&str, &str)> {
    Some((value.get("name")?.as_str()?, value.get("template")?.as_str()?))
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().into_iter().flatten().filter_map(Result::ok);
    let name = |entry: std::fs::DirEntry| {
        Some(entry.file_name().to_str()?.strip_suffix(".jinja")?.to_owned())
    };
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort_unstable();
    names
}

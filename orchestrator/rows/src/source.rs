//! From a source to its files on this machine.

use std::path::{Path, PathBuf};

use retrial_hub::Settings;

use crate::error::RowsError;
use crate::place::{Place, SCHEME};
use crate::split::{Found, Split, choose, is_data};

/// A file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name for people: the path, or the reference to the hub with the commit.
    pub shown: String,
}

/// Finds the files of a source: the path of a file or a folder, a glob, or a reference to the hub. Blocks while they are downloaded.
pub fn locate(text: &str, wanted: Split, hub: &Settings) -> Result<Vec<DataFile>, RowsError> {
    let wrong = |problem: String| RowsError::Source { source_text: text.to_owned(), problem };
    if let Some(place) = Place::parse(text) {
        let fetched = place.files(hub, wanted)?;
        let at = |name: &str| Place {
            revision: Some(fetched.commit.clone()),
            file: Some(name.to_owned()),
            ..place.clone()
        };
        let file = |(name, path): &(String, PathBuf)| DataFile {
            path: path.clone(),
            shown: at(name).to_string(),
        };
        return Ok(fetched.files.iter().map(file).collect());
    }
    if text.starts_with(SCHEME) {
        let hint = "hint: write it as hf://datasets/OWNER/NAME, followed by @REVISION, \
                    /FILE or /CONFIG/SPLIT if needed";
        return Err(wrong(format!("it is not a reference to the hub\n{hint}")));
    }
    let path = Path::new(text);
    if path.is_file() {
        return Ok(vec![local(path)]);
    }
    if path.is_dir() {
        let mut names = Vec::new();
        walk(path, "", &mut names).map_err(|error| wrong(error.to_string()))?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let chosen = choose(&names, wanted, None, Found::InFolder).map_err(wrong)?;
        return Ok(chosen.iter().map(|name| local(&path.join(name))).collect());
    }
    if text.contains(['*', '?', '[']) {
        let found = glob::glob(text).map_err(|error| wrong(format!("as a glob: {error}")))?;
        let mut files: Vec<PathBuf> = found.flatten().filter(|path| path.is_file()).collect();
        files.sort();
        if files.is_empty() {
            return Err(wrong("no file matches it".into()));
        }
        return Ok(files.iter().map(|path| local(path)).collect());
    }
    let hint = match text.split('/').count() {
        2 if !text.starts_with(['.', '/']) => {
            format!("\nhint: a data set of the hub is written hf://datasets/{text}")
        }
        _ => "\nhint: a path in a configuration starts at its folder".into(),
    };
    Err(wrong(format!("there is no such file or folder{hint}")))
}

fn local(path: &Path) -> DataFile {
    DataFile { path: path.to_owned(), shown: path.display().to_string() }
}

fn walk(folder: &Path, prefix: &str, names: &mut Vec<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{name}/"), names)?;
        } else if is_data(&name) {
            names.push(name);
        }
    }
    Ok(())
}

//! Sets as people have them: layouts, formats, rows that cannot be used, fingerprints.

mod benchmarks;
mod formats;
mod hub;
mod layouts;
mod left_out;
mod pinned;
mod real;

use std::path::{Path, PathBuf};
use std::time::Duration;

use retrial_data::{
    Columns, DataError, DataSet, HubSettings, MAX_LEFT_OUT, Message, Problem, Request, Sources,
    Split,
};
use tempfile::TempDir;

/// A folder of data files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with one file.
    fn with(name: &str, bytes: impl AsRef<[u8]>) -> (Self, String) {
        let folder = Self::new();
        let path = folder.write(name, bytes);
        (folder, path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// How a set is loaded in a test, unless the test says otherwise.
fn request(sources: &Sources) -> Request<'_> {
    Request {
        set: "train",
        sources,
        columns: None,
        split: Split::Train,
        max_left_out: MAX_LEFT_OUT,
        solutions: true,
        reward: None,
        held_out: &[],
    }
}

/// A hub that is never reached.
fn nowhere() -> HubSettings {
    cache(Path::new("/nowhere"))
}

/// A hub that is offline: only its cache.
fn cache(folder: &Path) -> HubSettings {
    HubSettings {
        endpoint: "http://127.0.0.1:9".into(),
        cache: folder.to_owned(),
        token: None,
        offline: true,
        pause: Duration::ZERO,
    }
}

/// Problems of up to 1,000 characters fit.
fn fits(problem: &Problem, _: &[Message]) -> Result<(), String> {
    match problem.text.len() {
        0..=1000 => Ok(()),
        long => Err(format!("the prompt has {long} characters, there is room for 1000")),
    }
}

fn load(request: &Request<'_>) -> Result<DataSet, DataError> {
    DataSet::load(request, &nowhere(), fits)
}

/// Loads the files at a path.
fn load_path(path: &str) -> Result<DataSet, DataError> {
    load(&request(&Sources::one(path)))
}

/// Loads lines.
fn load_lines(lines: &str) -> Result<DataSet, DataError> {
    let (_folder, path) = Folder::with("data.jsonl", lines);
    load_path(&path)
}

/// Loads lines with configured columns.
fn load_columns(lines: &str, columns: &Columns) -> Result<DataSet, DataError> {
    let (_folder, path) = Folder::with("data.jsonl", lines);
    load(&Request { columns: Some(columns), ..request(&Sources::one(path)) })
}

/// Problems and answers of a set.
fn pairs(set: &DataSet) -> Vec<(String, String)> {
    set.tasks().map(|task| (task.problem.text, task.problem.answer)).collect()
}

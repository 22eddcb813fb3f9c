//! `sft.jsonl`: a line for each step.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

/// The name of the file, beside the model.
pub(super) const NAME: &str = "sft.jsonl";

/// What is measured at a step. Step 0 is the model before the first one.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Line {
    /// Steps taken.
    pub step: u64,
    /// Passes over the examples, with a fraction.
    pub epoch: f64,
    /// Loss over the step's examples, before the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Learning rate of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Norm of the gradient before clipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grad_norm: Option<f64>,
    /// Tokens of the step's examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
    /// Tokens by the step's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_second: Option<f64>,
    /// Loss over the held-out examples, after the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out_loss: Option<f64>,
}

/// The open file.
pub(super) struct Metrics {
    path: PathBuf,
    file: File,
}

impl Metrics {
    /// Opens the file in a folder. Lines of steps after `done` are removed: they are taken again.
    pub fn open(folder: &Path, done: u64) -> Result<Self> {
        let path = folder.join(NAME);
        let failed = || format!("cannot write {}", path.display());
        let before = fs::read_to_string(&path).unwrap_or_default();
        let is_done = |line: &&str| {
            let line: Option<Value> = serde_json::from_str(line).ok();
            let step = line.as_ref().and_then(|line| line.get("step")?.as_u64());
            done > 0 && step.is_some_and(|step| step <= done)
        };
        let kept: Vec<&str> = before.lines().filter(is_done).collect();
        let kept: String = kept.into_iter().flat_map(|line| [line, "\n"]).collect();
        let new = path.with_extension("jsonl.new");
        fs::write(&new, kept).with_context(failed)?;
        fs::rename(&new, &path).with_context(failed)?;
        let file = File::options().append(true).open(&path).with_context(failed)?;
        Ok(Self { path, file })
    }

    /// Appends a line.
    pub fn write(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_string(line).expect("numbers are plain data");
        text.push('\n');
        let written = self.file.write_all(text.as_bytes());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Flushes the file to the disk.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_all().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

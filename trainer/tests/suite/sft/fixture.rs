//! A tiny model, examples for it, and the program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use retrial_trainer::model::Decoder;
use serde_json::{Value, json};
use tch::{Device, Kind};
use tempfile::{TempDir, tempdir};

use crate::policy::fixture::{Setup, write_model};

/// Longest example, tokens.
pub const CONTEXT: usize = 100;

/// A folder with a model in `base` and examples in `examples.jsonl`.
pub struct Place {
    pub folder: TempDir,
}

/// A problem and its response, of a few lengths.
pub fn example(index: usize) -> (String, String) {
    let (a, b) = (index * 7 % 23, index * 5 % 11);
    (format!("{a} + {b}{}", "?".repeat(index % 4)), format!("{} \\boxed{{{}}}", a, a + b))
}

impl Place {
    /// With this many examples.
    pub fn new(examples: usize) -> Self {
        let folder = tempdir().unwrap();
        let base = folder.path().join("base");
        std::fs::create_dir(&base).unwrap();
        write_model(&base, Setup { context: CONTEXT, ..Setup::default() }, 3);
        let place = Self { folder };
        let lines = (0..examples).fold(String::new(), |mut lines, index| {
            let (prompt, response) = example(index);
            let _ = writeln!(lines, "{}", json!({ "prompt": prompt, "response": response }));
            lines
        });
        place.write("examples.jsonl", &lines);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// The program on these examples, in this folder.
    pub fn command(&self, data: &str, out: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retrial-trainer"));
        command.args(["sft", "--model", "base", "--data", data, "--out", out]);
        for default in [["--batch", "8"], ["--micro-batch-tokens", "256"]] {
            if !more.contains(&default[0]) {
                command.args(default);
            }
        }
        command.args(more).current_dir(self.folder.path()).env_remove("WORLD_SIZE");
        command
    }

    /// Runs it on `examples.jsonl` until it ends well, and returns what it has said.
    pub fn train(&self, out: &str, more: &[&str]) -> String {
        succeeds(&mut self.command("examples.jsonl", out, more))
    }

    /// The lines of the metrics.
    pub fn metrics(&self, out: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(out).join("sft.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The bytes of the trained weights.
    pub fn weights(&self, out: &str) -> Vec<u8> {
        std::fs::read(self.path(out).join("model.safetensors")).unwrap()
    }

    pub fn model(&self, out: &str) -> Decoder {
        Decoder::load(&self.path(out), Device::Cpu).unwrap()
    }
}

pub fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// What it says when it is refused, before anything is trained.
pub fn refused(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let error = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{error}");
    error
}

/// A number of a line of the metrics.
pub fn number(line: &Value, name: &str) -> f64 {
    line[name].as_f64().unwrap_or_else(|| panic!("{name} of {line}"))
}

/// Relative difference of the weights of two models.
pub fn difference(one: &Decoder, other: &Decoder) -> f64 {
    let norm = |tensor: &tch::Tensor| tensor.to_kind(Kind::Double).norm().double_value(&[]).powi(2);
    let pairs = || one.parameters().iter().zip(other.parameters());
    let apart: f64 = pairs().map(|((_, one), (_, other))| norm(&(one - other))).sum();
    (apart / pairs().map(|((_, one), _)| norm(one)).sum::<f64>()).sqrt()
}

/// The names in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

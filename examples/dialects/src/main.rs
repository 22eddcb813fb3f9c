//! Writes the files of the demo world.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use dialects::cold_start::{self, Lesson};
use dialects::{folder, problems::Problems};
use serde::Serialize;

/// Arithmetic in dialects: the problems, cold-start examples and model of the demo.
///
/// Example: dialects problems --out examples/dialects
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes train.jsonl, heldout-new.jsonl and heldout-known.jsonl.
    Problems {
        /// The folder to write to.
        #[arg(long)]
        out: PathBuf,
        /// Random seed of the problems.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Give training problems a solution, for method `gold`.
        #[arg(long)]
        solutions: bool,
    },
    /// Writes examples for `retrial-trainer sft`.
    ColdStart {
        /// The JSON Lines file to write.
        #[arg(long)]
        out: PathBuf,
        /// Number of examples.
        #[arg(long, default_value_t = 48_000)]
        examples: usize,
        /// Random seed of the examples.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Share of the examples of new dialects that are not read in the usual order.
        #[arg(long, default_value_t = Lesson::default().unusual)]
        unusual: f64,
        /// Candidate readings of a new dialect, from 2 to 4.
        #[arg(long, default_value_t = Lesson::default().readings)]
        readings: usize,
        /// Share of the examples whose answer is a slip, close to the right value.
        #[arg(long, default_value_t = Lesson::default().slips)]
        slips: f64,
    },
    /// Writes a model folder without weights: shape, tokenizer, chat template.
    Model {
        /// The folder to write to.
        #[arg(long)]
        out: PathBuf,
        /// Hidden width, a multiple of 32.
        #[arg(long, default_value_t = folder::WIDTH)]
        width: usize,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Problems { out, seed, solutions } => {
            let all = Problems::draw(seed);
            let all = if solutions { all } else { all.without_solutions() };
            for (name, problems) in all.files() {
                write(&out.join(name), &lines(problems)?)?;
            }
        }
        Command::ColdStart { out, examples, seed, unusual, readings, slips } => {
            let lesson = Lesson { unusual, readings, slips };
            write(&out, &lines(&cold_start::examples(&lesson, examples, seed))?)?;
        }
        Command::Model { out, width } => {
            for (name, content) in folder::files(width) {
                write(&out.join(name), &format!("{content:#}\n"))?;
            }
        }
    }
    Ok(())
}

/// One record a line.
fn lines(records: &[impl Serialize]) -> Result<String> {
    let mut text = String::new();
    for record in records {
        text += &serde_json::to_string(record)?;
        text.push('\n');
    }
    Ok(text)
}

fn write(path: &Path, content: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

//! Writes the second world: problems, cold-start examples and a model folder without weights.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use dialects::folder;

/// A product and a sum: problems, cold-start examples and model.
///
/// Example: sums --out target/sums
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// Problems to train on.
    #[arg(long, default_value_t = 480)]
    train: usize,
    /// Held-out problems.
    #[arg(long, default_value_t = 200)]
    held_out: usize,
    /// Examples of the cold start.
    #[arg(long, default_value_t = 24_000)]
    examples: usize,
    /// Random seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Room for a hint with eight answers and a response.
const CONTEXT: usize = 192;

fn main() -> Result<()> {
    let Cli { out, train, held_out, examples, seed } = Cli::parse();
    let [train, held_out] = sums::problems(train, held_out, seed);
    write(&out.join("train.jsonl"), &lines(&train))?;
    write(&out.join("heldout.jsonl"), &lines(&held_out))?;
    write(&out.join("cold-start.jsonl"), &lines(&sums::cold_start(examples, seed)))?;
    for (name, content) in folder::of_words(&sums::words(), folder::WIDTH, CONTEXT) {
        write(&out.join("fresh").join(name), &format!("{content:#}\n"))?;
    }
    Ok(())
}

/// One record a line.
fn lines(records: &[serde_json::Value]) -> String {
    let mut text = String::new();
    for record in records {
        text += &record.to_string();
        text.push('\n');
    }
    text
}

fn write(path: &Path, content: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make {}", parent.display()))?;
    }
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

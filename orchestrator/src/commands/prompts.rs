//! `retrial prompts`: the user messages that a run would send.

use std::io::{BufRead, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use retrial_config::Config;
use retrial_loop::failure::Failure;
use retrial_lte::{HintKind, Templates};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::input::open;

/// Writes the user messages that a run sends, for a cold start on the very same words.
///
/// Reads JSON Lines {"problem"} and writes them with "prompt" in its place. A line may also have
/// "wrong", a list of wrong answers: its prompt is that of a second trial, with the hint. "concise": true
/// asks for a concise answer. Everything else of a line stays, so {"problem", "wrong", "response"}
/// becomes an example for retrial-trainer sft. The words come from the prompts of the configuration. The
/// chat template is applied later, in the cold start as in a run.
#[derive(clap::Args)]
#[command(after_help = "Example: retrial prompts my.toml solved.jsonl > examples.jsonl")]
pub struct Args {
    /// The configuration file (TOML)
    config: PathBuf,
    /// JSON Lines of problems; - reads standard input
    problems: PathBuf,
    /// Overrides a key of the configuration, for example `prompts.chat=false`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// What a prompt is made of.
#[derive(Deserialize)]
struct Line {
    problem: String,
    #[serde(default)]
    wrong: Vec<String>,
    #[serde(default)]
    concise: bool,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The line with its prompt.
#[derive(Serialize)]
struct Prompted {
    prompt: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<(), Failure> {
    let config = Config::load(&args.config, &args.overrides).map_err(Failure::input)?;
    let templates = config.prompts.templates();
    let lines = open(&args.problems)?;
    let mut out = BufWriter::new(std::io::stdout());
    for (number, line) in (1..).zip(lines.lines()) {
        let place = || format!("{}:{number}", args.problems.display());
        let line = line.with_context(place).map_err(Failure::Input)?;
        if line.trim().is_empty() {
            continue;
        }
        let line = serde_json::from_str(&line).with_context(place).map_err(Failure::Input)?;
        serde_json::to_writer(&mut out, &prompted(&templates, line))?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

fn prompted(templates: &Templates, line: Line) -> Prompted {
    let Line { problem, wrong, concise, rest } = line;
    let kind = match (concise, wrong.is_empty()) {
        (false, true) => HintKind::Plain,
        (false, false) => HintKind::Hint,
        (true, true) => HintKind::Concise,
        (true, false) => HintKind::ConciseHint,
    };
    Prompted { prompt: templates.render(kind, &problem, &wrong), rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(line: &str) -> Value {
        let line = serde_json::from_str(line).unwrap();
        serde_json::to_value(prompted(&Templates::default(), line)).unwrap()
    }

    #[test]
    fn an_example_of_a_cold_start_has_the_prompt_of_a_run() {
        let plain = made(r#"{"problem": "What is 2 + 3?", "response": "\\boxed{5}"}"#);
        let words = Templates::default().render(HintKind::Plain, "What is 2 + 3?", &[]);
        assert_eq!(plain, serde_json::json!({"prompt": words, "response": "\\boxed{5}"}));
        let hinted = made(r#"{"problem": "What is 2 + 3?", "wrong": ["6", "7"]}"#);
        let text = hinted["prompt"].as_str().unwrap();
        assert!(text.contains("Hint: possible incorrect answers include 6, 7."), "{text}");
        let concise = made(r#"{"problem": "What is 2 + 3?", "concise": true}"#);
        assert!(concise["prompt"].as_str().unwrap().contains("think concisely"));
    }
}

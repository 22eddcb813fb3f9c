//! `retrial check`: finds every problem before a run.

use std::path::PathBuf;

use anyhow::anyhow;
use retrial_config::Config;
use retrial_loop::failure::Failure;

use crate::check::{self, Finding, Sampling, State};

/// Finds what would stop a run: configuration, data, log, disk, servers, trainer, agreement.
///
/// It also has the policy answer a few problems, and says what a run would suffer from.
/// Nothing is written and no weights are pushed. Exit code 1 if a run would stop.
#[derive(clap::Args)]
#[command(after_help = "Example: retrial check examples/dialects/lte.toml")]
pub struct Args {
    /// The configuration file (TOML)
    config: PathBuf,
    /// Overrides a key of the configuration, for example run.seed=2
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Print a JSON array instead of text
    #[arg(long)]
    json: bool,
    /// Leaves out the few responses that are sampled and graded
    #[arg(long)]
    no_sample: bool,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    let config = Config::load(&args.config, &args.overrides).map_err(Failure::input)?;
    let sampling = if args.no_sample { Sampling::None } else { Sampling::Few };
    let findings = check::check(config, sampling).await;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        findings.iter().for_each(print);
    }
    match findings.iter().filter(|finding| finding.state == State::Problem).count() {
        0 => Ok(()),
        1 => Err(anyhow!("a run would stop at this problem").into()),
        problems => Err(anyhow!("a run would stop at these {problems} problems").into()),
    }
}

fn print(finding: &Finding) {
    let state = match finding.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Problem => "problem",
    };
    let mut lines = finding.text.lines();
    println!("{state:<8} {:<14} {}", finding.subject, lines.next().unwrap_or_default());
    for line in lines {
        println!("{:<8} {:<14} {line}", "", "");
    }
}

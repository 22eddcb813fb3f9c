//! `retrial study`: several arms and seeds in one go, and a report.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::study::{self, Study};

/// Runs several methods or settings with several seeds, and reports what came of each.
///
/// A study that was stopped goes on where it was. Progress goes to standard error, the report,
/// Markdown, to standard output.
#[derive(clap::Args)]
#[command(after_help = "Example: retrial study examples/dialects/study.toml > report.md")]
pub struct Args {
    /// The study, TOML
    study: PathBuf,
    /// Overrides a key of every run's configuration, for example run.steps=10
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    let study = Study::load(&args.study).map_err(Failure::Input)?;
    let outcomes = study.run(&args.overrides).await?;
    print!("{}", study::report(&study, &outcomes));
    Ok(())
}

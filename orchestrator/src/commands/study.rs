//! `retrial study`: several arms and seeds in one command, and a report.

use std::path::PathBuf;

use anyhow::anyhow;
use retrial_loop::failure::Failure;

use crate::study::{self, Study};

/// Runs several methods or settings with several seeds, and reports the results.
///
/// A study that was stopped continues where it was. Progress goes to standard error, the report to
/// standard output.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    retrial study examples/dialects/study.toml --plots plots > report.md\n  \
    retrial study examples/dialects/study.toml --format html > report.html")]
pub struct Args {
    /// The study file (TOML)
    study: PathBuf,
    /// Overrides a key of every run's configuration, for example run.steps=10
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
    /// Folder for the plots of a Markdown report, as SVG files; without it there are none
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
}

/// Formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Markdown
    Md,
    /// HTML page
    Html,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    if args.plots.is_some() && args.format != Format::Md {
        return Err(Failure::Input(anyhow!(
            "--plots is for a Markdown report\nhint: an HTML page includes its plots"
        )));
    }
    let study = Study::load(&args.study).map_err(Failure::Input)?;
    let outcomes = study.run(&args.overrides).await?;
    let report = study::report(&study, &outcomes);
    match args.format {
        Format::Md => {
            if let Some(folder) = &args.plots {
                report.write_plots(folder)?;
            }
            print!("{}", report.markdown(args.plots.as_deref()));
        }
        Format::Html => println!("{}", report.page().into_string()),
    }
    Ok(())
}

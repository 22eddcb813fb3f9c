//! `retrial report`: runs side by side, as a document.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{anyhow, bail, ensure};
use retrial_loop::failure::Failure;
use retrial_report::{MOST_RUNS, SideBySide, View, write_plots};
use retrial_store::RunCache;

use super::log::{LogArgs, check_runs};

/// Compares runs side by side: metrics, settings that differ, curves.
///
/// An HTML page has plots and style inside: one file to share.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  retrial report dialects-lte\n  \
    retrial report dialects-lte dialects-grpo --format html > report.html\n  \
    retrial report dialects-lte dialects-grpo --plots plots > report.md")]
pub struct Args {
    /// Names of one to six runs
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    #[command(flatten)]
    log: LogArgs,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
    /// Folder for the plots of a Markdown report, as SVG files; without it there are tables of first and
    /// last values
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
    /// JSON, with all values of the curves
    Json,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    print(&args, &mut std::io::stdout().lock()).await
}

async fn print(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    if args.plots.is_some() && args.format != Format::Md {
        return Err(Failure::Input(anyhow!(
            "--plots is for a Markdown report\nhint: an HTML page includes its plots"
        )));
    }
    check_names(&args.runs).map_err(Failure::Input)?;
    let mut log = args.log.open().await.map_err(Failure::Input)?;
    check_runs(&mut log, &args.log.db, &args.runs).await.map_err(Failure::Input)?;
    let found = SideBySide::read(
        &mut log.view(),
        &RunCache::default(),
        args.runs.clone(),
        &View::default(),
    )
    .await
    .map_err(|error| anyhow!("cannot read {}: {error}", args.log.db.display()))?;
    match args.format {
        Format::Md => {
            if let Some(folder) = &args.plots {
                write_plots(folder, &found.panels)?;
            }
            write!(out, "{}", found.markdown(args.plots.as_deref()))?;
        }
        Format::Html => writeln!(out, "{}", found.page().into_string())?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?,
    }
    Ok(())
}

/// Fails if runs cannot be compared.
fn check_names(runs: &[String]) -> anyhow::Result<()> {
    if let Some(twice) = runs.iter().enumerate().find(|(at, run)| runs[..*at].contains(run)) {
        bail!("run `{}` is named twice", twice.1);
    }
    ensure!(
        runs.len() <= MOST_RUNS,
        "{} runs are given; at most {MOST_RUNS} fit side by side\n\
         hint: write two reports, or `retrial export metrics` for a program that draws more",
        runs.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests;

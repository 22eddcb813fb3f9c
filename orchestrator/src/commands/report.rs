//! `retrial report`: runs side by side, as a document.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::log::{LogArgs, check_runs};
use crate::dashboard::api::compare::{Comparison, MOST, compare};
use crate::dashboard::format::number;
use crate::dashboard::pages;
use crate::dashboard::panels::Panel;
use crate::dashboard::queries::overview::Memory;
use crate::document::{Table, escaped, plot_path, write_plots};
use crate::failure::Failure;

/// Writes runs side by side: their numbers, the settings in which they differ, their curves.
///
/// The HTML page has its plots and its style in itself: one file to send to somebody.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  retrial report dialects-lte\n  \
    retrial report dialects-lte dialects-grpo --format html > report.html\n  \
    retrial report dialects-lte dialects-grpo --plots plots > report.md")]
pub struct Args {
    /// Names of one to six runs
    #[arg(required = true, num_args = 1..=MOST, value_name = "RUN")]
    runs: Vec<String>,
    #[command(flatten)]
    log: LogArgs,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
    /// Where a Markdown report puts its plots, as SVG files; without it there are tables of their
    /// ends only
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
}

/// Formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Markdown
    Md,
    /// A page
    Html,
    /// Everything, with every number of the curves
    Json,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    print(&args, &mut std::io::stdout().lock()).await
}

async fn print(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    if args.plots.is_some() && args.format != Format::Md {
        return Err(Failure::Input(anyhow!(
            "--plots is for a Markdown report\nhint: a page has its plots in itself"
        )));
    }
    let log = args.log.open().await.map_err(Failure::Input)?;
    check_runs(&log, &args.log.db, &args.runs).await.map_err(Failure::Input)?;
    let mut db = log.acquire().await?;
    let found = compare(&mut db, &Memory::default(), args.runs.clone())
        .await
        .map_err(|problem| anyhow!("cannot read {}: {problem}", args.log.db.display()))?;
    match args.format {
        Format::Md => {
            if let Some(folder) = &args.plots {
                write_plots(folder, &found.panels)?;
            }
            write!(out, "{}", markdown(&found, args.plots.as_deref()))?;
        }
        Format::Html => writeln!(out, "{}", pages::compare::alone(&found).into_string())?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?,
    }
    Ok(())
}

fn markdown(found: &Comparison, plots: Option<&Path>) -> String {
    let mut text = format!("# {}\n\n## Numbers\n\n", escaped(&found.runs.join(", ")));
    let header = |first: &str| -> Vec<String> {
        std::iter::once(first.to_owned()).chain(found.runs.iter().cloned()).collect()
    };
    let rows = found.numbers.iter().map(|line| (line.name.clone(), numbers(&line.values)));
    text += &table(&header(""), rows);
    text += "\n## Settings that differ\n\n";
    if found.settings.is_empty() {
        text += "None.\n";
    } else {
        let value = |value: &Option<String>| value.clone().unwrap_or("–".into());
        let rows = found
            .settings
            .iter()
            .map(|line| (line.key.clone(), line.values.iter().map(value).collect()));
        text += &table(&header("key"), rows);
    }
    for panel in &found.panels {
        text += &section(panel, plots);
    }
    text
}

/// A panel: its plot, and where its curves begin and end.
fn section(panel: &Panel, plots: Option<&Path>) -> String {
    let (title, formula) = (escaped(&panel.title), escaped(&panel.formula));
    let mut text = format!("\n## {title}\n\n{formula}\n\n");
    if let Some(folder) = plots {
        let _ = write!(text, "![{title}](<{}>)\n\n", plot_path(folder, panel).display());
    }
    let rows = panel.series.iter().map(|series| {
        let values = || series.values.iter().flatten().copied();
        let ends = [
            values().next(),
            series.last(),
            values().min_by(f64::total_cmp),
            values().max_by(f64::total_cmp),
        ];
        (series.name.clone(), numbers(&ends))
    });
    let header = ["run", "first", "last", "least", "most"].map(str::to_owned);
    text + &table(&header, rows)
}

fn numbers(values: &[Option<f64>]) -> Vec<String> {
    values.iter().map(|value| value.map_or("–".into(), number)).collect()
}

fn table(header: &[String], rows: impl Iterator<Item = (String, Vec<String>)>) -> String {
    let rows = rows.map(|(name, cells)| [vec![name], cells].concat()).collect();
    Table { header: header.to_vec(), rows }.markdown()
}

#[cfg(test)]
mod tests;

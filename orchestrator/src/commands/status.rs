//! `retrial status`: how a run is, and what deserves attention in it.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::anyhow;
use retrial_dashboard::Look;
use retrial_loop::failure::Failure;
use retrial_report::format::{duration, number, roughly};

use super::log::{LogArgs, check_runs};

/// Says how a run is, and lists what deserves attention in it, the worst first.
///
/// The dashboard shows the same list on the page of the run.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  retrial status\n  retrial status dialects-lte --json")]
pub struct Args {
    /// Name of the run; without one, the latest of the log
    run: Option<String>,
    #[command(flatten)]
    log: LogArgs,
    /// The status and the list as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    let run = name(&args).await.map_err(Failure::Input)?;
    let db = args.log.db.display();
    let look =
        Look::at(&args.log.db, &run).await.map_err(|error| anyhow!("cannot read {db}: {error}"))?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&look)?)?;
    } else {
        write!(out, "{}", shown(&look))?;
    }
    Ok(())
}

/// The run that is meant.
async fn name(args: &Args) -> anyhow::Result<String> {
    let mut log = args.log.open().await?;
    if let Some(run) = &args.run {
        check_runs(&mut log, &args.log.db, std::slice::from_ref(run)).await?;
        return Ok(run.clone());
    }
    let latest = log.view().latest_run().await?;
    latest.ok_or_else(|| {
        anyhow!("the log {} has no runs yet\nhint: `retrial run` makes one", args.log.db.display())
    })
}

/// The status and the list for a person.
fn shown(look: &Look) -> String {
    let status = &look.status;
    let step = match status.steps {
        Some(steps) => format!("step {} of {steps}", status.step),
        None => format!("step {}", status.step),
    };
    let mut facts = vec![step, format!("weights {}", status.weight_version)];
    facts.extend(status.eta_seconds.map(|left| format!("{} left", duration(left))));
    facts.extend(status.tokens_per_second.map(|rate| format!("{} tokens/s", number(rate.round()))));
    facts.push(format!("last entry {} ago", roughly(status.last_change_seconds)));
    let mut text = format!("{}: {}\n{}\n", status.run, status.word, facts.join(" · "));
    if look.attention.is_empty() {
        return text + "\nNothing needs attention.\n";
    }
    text += "\nLook here, the worst first:\n";
    for (place, entry) in (1..).zip(&look.attention) {
        let severity = entry.severity.as_str();
        let reason = plain(&entry.reason);
        let _ = write!(text, "\n{place:>2}. [{severity}] {reason}\n");
        let _ = write!(text, "    {}\n    {}\n", entry.advice, entry.page);
    }
    text
}

/// A text without control characters: a warning may have those of a program.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

//! `retrial sql`: queries of the log.

use std::io::{Read, Write};

use anyhow::{Context, anyhow};
use retrial_loop::failure::Failure;
use retrial_store::{QueryError, Session};

use super::log::LogArgs;
use super::output::{Format, Rows};

/// Runs an SQL query on the log, read-only.
///
/// docs/schema.md describes tables and views, with example queries. A
/// table shows texts in one line each, shortened; --json and --csv have them in full.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    retrial sql 'SELECT * FROM run_summary'\n  \
    retrial sql 'SELECT step, pass_rate FROM step_summary' --csv > pass_rate.csv\n  \
    retrial sql - < question.sql")]
pub struct Args {
    /// The query; `-` reads it from standard input
    query: String,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    format: Format,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    print(&args, &mut std::io::stdout().lock()).await
}

async fn print(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let mut query = args.query.clone();
    if query == "-" {
        query.clear();
        std::io::stdin().read_to_string(&mut query).context("cannot read standard input")?;
    }
    let mut log = args.log.open().await.map_err(Failure::Input)?;
    match answer(args, query, &mut log, out).await {
        Err(Failure::Work(error)) => Err(match error.downcast::<QueryError>() {
            Ok(error) => Failure::Input(explain(&mut log, &error).await),
            Err(error) => Failure::Work(error),
        }),
        answered => answered,
    }
}

async fn answer(
    args: &Args,
    query: String,
    log: &mut Session,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut view = log.view();
    let mut answer = view.ask(query).await?;
    let mut sheet = Rows::begin(out, args.format, answer.columns.clone())?;
    while let Some(row) = answer.next().await? {
        sheet.row(&row)?;
    }
    Ok(sheet.end()?)
}

/// The error of a query, with a hint.
async fn explain(log: &mut Session, error: &QueryError) -> anyhow::Error {
    let message = error.to_string();
    let hint = if message.contains("readonly") {
        "this command only reads; `sqlite3 FILE` also writes".to_owned()
    } else if message.contains("no such table") {
        let views = log.view().view_names().await.unwrap_or_default().join(", ");
        format!("the views are {views}; docs/schema.md describes them and the tables")
    } else {
        "docs/schema.md describes the views and tables, with example queries".to_owned()
    };
    anyhow!("the query: {message}\nhint: {hint}")
}

#[cfg(test)]
mod tests;

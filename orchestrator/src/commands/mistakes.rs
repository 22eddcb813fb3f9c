//! `retrial mistakes`: the mistake log at the terminal.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use serde::Serialize;
use sqlx::sqlite::SqlitePool;
use sqlx::{FromRow, QueryBuilder, Sqlite};

use crate::failure::Failure;
use crate::store;

/// Characters of a text that a table shows.
const SHOWN: usize = 60;

/// Shows wrong answers, the most frequent first, or the problems that were never solved.
///
/// Equal answers count as one, however they are written. A table shows texts in one line each, cut;
/// --json has them in full.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  retrial mistakes --run dialects-lte --limit 5\n  \
    retrial mistakes --contains 'In Kalm' --json\n  retrial mistakes --unsolved")]
pub struct Args {
    /// The log
    #[arg(long, value_name = "FILE", default_value = "retrial.db")]
    db: PathBuf,
    /// Of this run only
    #[arg(long)]
    run: Option<String>,
    /// Of the problem with this name only
    #[arg(long)]
    problem: Option<String>,
    /// Only failures with this text in the problem, the answer or the response; with --unsolved, in
    /// the problem
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    /// Of this wrong answer only, as the table shows it
    #[arg(long, conflicts_with = "unsolved")]
    answer: Option<String>,
    /// Problems without a single correct response, instead of mistakes
    #[arg(long)]
    unsolved: bool,
    /// Rows to show
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    limit: u32,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// A row of the view `mistakes`.
#[derive(Debug, Serialize, FromRow)]
struct Mistake {
    run: String,
    problem: String,
    times: i64,
    verdict: String,
    wrong_answer: String,
    right_answer: String,
    first_step: i64,
    last_step: i64,
    weight_version: i64,
    problem_text: String,
    response: String,
}

/// A row of the view `unsolved_problems`.
#[derive(Debug, Serialize, FromRow)]
struct Unsolved {
    run: String,
    problem: String,
    tries: i64,
    distinct_answers: i64,
    first_step: i64,
    last_step: i64,
    right_answer: String,
    problem_text: String,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    print(&args, &mut std::io::stdout().lock()).await
}

async fn print(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let log = open(args).await.map_err(Failure::Input)?;
    let reading = || format!("cannot read {}", args.db.display());
    if args.unsolved {
        let rows = unsolved(&log, args).await.with_context(reading)?;
        show(out, args.json, &rows, &UNSOLVED_HEADER, unsolved_cells)?;
    } else {
        let rows = mistakes(&log, args).await.with_context(reading)?;
        show(out, args.json, &rows, &MISTAKE_HEADER, mistake_cells)?;
    }
    Ok(())
}

/// Opens the log for reading; one that is not there is not made.
async fn open(args: &Args) -> Result<SqlitePool> {
    let path = args.db.display();
    if !args.db.is_file() {
        bail!("there is no log {path}\nhint: `retrial run` makes one; --db names another");
    }
    let log = store::reader(&args.db).await?;
    if let Some(run) = &args.run {
        let known: Vec<String> = sqlx::query_scalar("SELECT name FROM runs ORDER BY name")
            .fetch_all(&log)
            .await
            .with_context(|| format!("cannot read {path}"))?;
        if !known.contains(run) {
            bail!("the log {path} has no run `{run}`\nhint: its runs are: {}", known.join(", "));
        }
    }
    Ok(log)
}

async fn mistakes(log: &SqlitePool, args: &Args) -> sqlx::Result<Vec<Mistake>> {
    let mut query = QueryBuilder::new("SELECT * FROM ");
    match &args.contains {
        None => {
            query.push("mistakes");
        }
        // As the view counts, but of the failures that have the text only. The example is the
        // latest of them: of texts that begin with their step, the greatest.
        Some(text) => {
            query.push(
                "(SELECT run, problem, count(*) AS times, verdict, \
                 min(wrong_answer) AS wrong_answer, right_answer, min(step) AS first_step, \
                 max(step) AS last_step, max(weight_version) AS weight_version, problem_text, \
                 substr(max(printf('%020d', step) || response), 21) AS response \
                 FROM failures WHERE false",
            );
            for column in ["problem_text", "wrong_answer", "response"] {
                query.push(format!(" OR instr({column}, ")).push_bind(text.clone()).push(") > 0");
            }
            query.push(
                " GROUP BY run, problem, verdict, coalesce(canonical, wrong_answer) \
                 ORDER BY times DESC, run, problem, verdict DESC, wrong_answer)",
            );
        }
    }
    query.push(" WHERE true");
    filter(&mut query, "wrong_answer", args.answer.as_ref());
    limit(&mut query, args);
    query.build_query_as().fetch_all(log).await
}

async fn unsolved(log: &SqlitePool, args: &Args) -> sqlx::Result<Vec<Unsolved>> {
    let mut query = QueryBuilder::new("SELECT * FROM unsolved_problems WHERE true");
    if let Some(text) = &args.contains {
        query.push(" AND instr(problem_text, ").push_bind(text.clone()).push(") > 0");
    }
    limit(&mut query, args);
    query.build_query_as().fetch_all(log).await
}

fn limit(query: &mut QueryBuilder<Sqlite>, args: &Args) {
    filter(query, "run", args.run.as_ref());
    filter(query, "problem", args.problem.as_ref());
    query.push(" LIMIT ").push_bind(args.limit);
}

fn filter(query: &mut QueryBuilder<Sqlite>, column: &str, value: Option<&String>) {
    if let Some(value) = value {
        query.push(format!(" AND {column} = ")).push_bind(value.clone());
    }
}

const MISTAKE_HEADER: [&str; 9] =
    ["run", "problem", "times", "steps", "verdict", "wrong", "right", "text", "end of a response"];

fn mistake_cells(row: &Mistake) -> Vec<String> {
    vec![
        row.run.clone(),
        row.problem.clone(),
        row.times.to_string(),
        format!("{}-{}", row.first_step, row.last_step),
        row.verdict.clone(),
        beginning(&row.wrong_answer),
        beginning(&row.right_answer),
        beginning(&row.problem_text),
        end(&row.response),
    ]
}

const UNSOLVED_HEADER: [&str; 7] =
    ["run", "problem", "tries", "distinct answers", "steps", "right", "text"];

fn unsolved_cells(row: &Unsolved) -> Vec<String> {
    vec![
        row.run.clone(),
        row.problem.clone(),
        row.tries.to_string(),
        row.distinct_answers.to_string(),
        format!("{}-{}", row.first_step, row.last_step),
        beginning(&row.right_answer),
        beginning(&row.problem_text),
    ]
}

fn show<T: Serialize>(
    out: &mut impl Write,
    json: bool,
    rows: &[T],
    header: &[&str],
    cells: impl Fn(&T) -> Vec<String>,
) -> Result<()> {
    if json {
        for row in rows {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        }
        return Ok(());
    }
    if rows.is_empty() {
        writeln!(out, "nothing found")?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header.iter().copied());
    table.add_rows(rows.iter().map(cells));
    writeln!(out, "{table}")?;
    Ok(())
}

/// The beginning of a text, in one line.
fn beginning(text: &str) -> String {
    let text = line(text);
    if text.len() <= SHOWN {
        return text.into_iter().collect();
    }
    text[..SHOWN - 1].iter().chain(['…'].iter()).collect()
}

/// The end of a text, in one line.
fn end(text: &str) -> String {
    let text = line(text);
    if text.len() <= SHOWN {
        return text.into_iter().collect();
    }
    ['…'].iter().chain(&text[text.len() - (SHOWN - 1)..]).collect()
}

/// A text in one line. What a model writes must not reach the terminal as control characters.
fn line(text: &str) -> Vec<char> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;

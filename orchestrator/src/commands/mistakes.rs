//! `retrial mistakes`: the mistake log at the terminal.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{FromRow, QueryBuilder, SqlitePool};

use crate::failure::Failure;

/// Shows wrong answers, the most frequent first, or the problems that were never solved.
///
/// Example: retrial mistakes --run dialects-lte --contains "Kalm" --limit 5
#[derive(clap::Args)]
pub struct Args {
    /// The log.
    #[arg(long, default_value = "retrial.db")]
    pub db: PathBuf,
    /// Of this run only.
    #[arg(long)]
    pub run: Option<String>,
    /// Of this problem only.
    #[arg(long)]
    pub problem: Option<String>,
    /// Where the problem or the example response has this text.
    #[arg(long)]
    pub contains: Option<String>,
    /// Of this wrong answer only, as it was written.
    #[arg(long, conflicts_with = "unsolved")]
    pub answer: Option<String>,
    /// Problems without a single correct response, instead of mistakes.
    #[arg(long)]
    pub unsolved: bool,
    /// Rows to show.
    #[arg(long, default_value_t = 20)]
    pub limit: u32,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

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
    let log = open(&args).await.map_err(Failure::Input)?;
    if args.unsolved {
        let rows: Vec<Unsolved> = query(&args, "unsolved_problems", &["problem_text"])
            .build_query_as()
            .fetch_all(&log)
            .await
            .context("cannot read the log")?;
        show(&args, &rows, &["problem", "tries", "right", "text"], |row| {
            vec![
                row.problem.clone(),
                row.tries.to_string(),
                row.right_answer.clone(),
                row.problem_text.clone(),
            ]
        });
    } else {
        let rows: Vec<Mistake> = query(&args, "mistakes", &["problem_text", "response"])
            .build_query_as()
            .fetch_all(&log)
            .await
            .context("cannot read the log")?;
        let header = ["problem", "times", "steps", "verdict", "wrong", "right", "text", "response"];
        show(&args, &rows, &header, |row| {
            vec![
                row.problem.clone(),
                row.times.to_string(),
                format!("{}-{}", row.first_step, row.last_step),
                row.verdict.clone(),
                row.wrong_answer.clone(),
                row.right_answer.clone(),
                row.problem_text.clone(),
                row.response.clone(),
            ]
        });
    }
    Ok(())
}

/// Opens the log for reading; one that is not there is not made.
async fn open(args: &Args) -> Result<SqlitePool> {
    let path = args.db.display();
    if !args.db.is_file() {
        bail!("there is no log {path}\nhint: `retrial run` makes one; --db names another");
    }
    let options = SqliteConnectOptions::new().filename(&args.db).read_only(true);
    let log = SqlitePoolOptions::new()
        .connect_with(options)
        .await
        .with_context(|| format!("cannot open the log {path}"))?;
    let Some(run) = &args.run else { return Ok(log) };
    let known: Vec<String> = sqlx::query_scalar("SELECT name FROM runs ORDER BY name")
        .fetch_all(&log)
        .await
        .with_context(|| format!("{path} is not a log of retrial"))?;
    if !known.contains(run) {
        bail!("{path} has no run `{run}`; it has: {}", known.join(", "));
    }
    Ok(log)
}

fn query(args: &Args, view: &str, searched: &[&str]) -> QueryBuilder<sqlx::Sqlite> {
    let mut query = QueryBuilder::new(format!("SELECT * FROM {view} WHERE true"));
    let equal = [("run", &args.run), ("problem", &args.problem), ("wrong_answer", &args.answer)];
    for (column, value) in equal {
        if let Some(value) = value {
            query.push(format!(" AND {column} = ")).push_bind(value.clone());
        }
    }
    if let Some(text) = &args.contains {
        query.push(" AND (false");
        for column in searched {
            query.push(format!(" OR instr({column}, ")).push_bind(text.clone()).push(") > 0");
        }
        query.push(")");
    }
    query.push(" LIMIT ").push_bind(args.limit);
    query
}

fn show<T: Serialize>(args: &Args, rows: &[T], header: &[&str], cells: impl Fn(&T) -> Vec<String>) {
    if args.json {
        for row in rows {
            println!("{}", serde_json::to_string(row).expect("a row is plain data"));
        }
        return;
    }
    if rows.is_empty() {
        println!("nothing found");
        return;
    }
    let mut table = Table::new();
    table
        .load_style(ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.iter().copied());
    for row in rows {
        table.add_row(cells(row));
    }
    println!("{table}");
}

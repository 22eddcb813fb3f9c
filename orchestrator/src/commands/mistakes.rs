//! `retrial mistakes`: the mistake log at the terminal.

use std::io::Write;

use clap::ValueEnum;
use retrial_domain::MistakeKind;
use retrial_loop::failure::Failure;
use retrial_store::{Mistake, MistakeFilter, Unsolved, UnsolvedFilter};
use serde_json::Value;

use super::log::{LogArgs, check_runs};
use super::output::{Format, end, write_records};

/// Shows wrong answers, the most frequent first, or the problems that were never solved.
///
/// Equal answers count as one, however they are written. The log has the mistakes of committed
/// steps. A table shows texts in one line each, shortened; --json and --csv have them in full.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  retrial mistakes --run dialects-lte --limit 5\n  \
    retrial mistakes --contains 'In Kalm' --json\n  \
    retrial mistakes --kind cut_off --from-step 100 --solved no\n  retrial mistakes --unsolved")]
pub struct Args {
    #[command(flatten)]
    log: LogArgs,
    /// Only this run
    #[arg(long)]
    run: Option<String>,
    /// Only the problem with this name
    #[arg(long)]
    problem: Option<String>,
    /// Only with these words, in this order, in a response or in the problem; ignores case and
    /// punctuation. With --unsolved, in the problem
    #[arg(long, value_name = "WORDS")]
    contains: Option<String>,
    /// Only this wrong answer, however it is written; `(none)` and `(cut off)` are those without
    #[arg(long, conflicts_with = "unsolved")]
    answer: Option<String>,
    /// Only this kind; can be given several times
    #[arg(long, conflicts_with = "unsolved")]
    kind: Vec<Kind>,
    /// Made at least this often
    #[arg(long, value_name = "N", conflicts_with = "unsolved")]
    min_times: Option<i64>,
    /// Last made in this step or later
    #[arg(long, value_name = "STEP", conflicts_with = "unsolved")]
    from_step: Option<i64>,
    /// First made in this step or before
    #[arg(long, value_name = "STEP", conflicts_with = "unsolved")]
    to_step: Option<i64>,
    /// Only problems that have a correct response in the run, hinted ones included, or only those without
    #[arg(long, value_name = "YES OR NO", conflicts_with = "unsolved", value_parser = yes_or_no)]
    solved: Option<bool>,
    /// Problems without any correct response, instead of mistakes
    #[arg(long)]
    unsolved: bool,
    /// Rows to show
    #[arg(long, value_name = "ROWS", default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    format: Format,
}

/// Kinds of mistakes.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    /// It has a wrong answer
    Wrong,
    /// Its answer cannot be parsed
    Unparsed,
    /// It has no answer
    NoAnswer,
    /// It reached the response limit
    CutOff,
}

impl Kind {
    fn kind(self) -> MistakeKind {
        match self {
            Self::Wrong => MistakeKind::Wrong,
            Self::Unparsed => MistakeKind::Unparsed,
            Self::NoAnswer => MistakeKind::NoAnswer,
            Self::CutOff => MistakeKind::CutOff,
        }
    }
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    print(&args, &mut std::io::stdout().lock()).await
}

async fn print(args: &Args, out: &mut impl Write) -> Result<(), Failure> {
    let mut log = args.log.open().await.map_err(Failure::Input)?;
    check_runs(&mut log, &args.log.db, args.run.as_slice()).await.map_err(Failure::Input)?;
    let mut view = log.view();
    if args.unsolved {
        let filter = UnsolvedFilter {
            run: args.run.clone(),
            problem: args.problem.clone(),
            contains: args.contains.clone(),
        };
        let rows = view.unsolved(&filter, args.limit).await?;
        write_records(out, args.format, &rows, &UNSOLVED_HEADER, unsolved_cells)?;
    } else {
        let rows = view.whole_mistakes(&filter(args), args.limit).await?;
        write_records(out, args.format, &rows, &MISTAKE_HEADER, mistake_cells)?;
    }
    Ok(())
}

fn filter(args: &Args) -> MistakeFilter {
    MistakeFilter {
        run: args.run.clone(),
        problem: args.problem.clone(),
        answer: args.answer.clone(),
        kinds: args.kind.iter().map(|kind| kind.kind()).collect(),
        min_times: args.min_times,
        from_step: args.from_step,
        to_step: args.to_step,
        solved: args.solved,
        contains: args.contains.clone(),
        most_hits: None,
    }
}

const MISTAKE_HEADER: [&str; 9] =
    ["run", "problem", "times", "steps", "kind", "wrong", "right", "text", "end of a response"];

fn mistake_cells(row: &Mistake) -> Vec<Value> {
    vec![
        row.run.as_str().into(),
        row.problem.as_str().into(),
        row.times.into(),
        format!("{}-{}", row.first_step, row.last_step).into(),
        row.kind.as_str().into(),
        row.wrong_answer.as_str().into(),
        row.right_answer.as_str().into(),
        row.problem_text.as_str().into(),
        end(&row.response).into(),
    ]
}

const UNSOLVED_HEADER: [&str; 7] =
    ["run", "problem", "tries", "distinct answers", "steps", "right", "text"];

fn unsolved_cells(row: &Unsolved) -> Vec<Value> {
    vec![
        row.run.as_str().into(),
        row.problem.as_str().into(),
        row.tries.into(),
        row.distinct_answers.into(),
        format!("{}-{}", row.first_step, row.last_step).into(),
        row.right_answer.as_str().into(),
        row.problem_text.as_str().into(),
    ]
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("it must be `yes` or `no`".into()),
    }
}

#[cfg(test)]
mod tests;

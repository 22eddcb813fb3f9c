//! `retrial grade`: grades responses.

mod by_reward;
mod invalid;

pub use by_reward::reward_of;

use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use retrial_grader::{Extraction, Gold, Policy, Rules, explain, grade};
use retrial_loop::failure::Failure;
use serde::{Deserialize, Serialize};

use super::input::open;
use invalid::{Invalid, invalid};

/// Lines that are read, graded on all cores and written before the next ones are read.
const CHUNK: usize = 4096;

/// Grades responses.
///
/// Reads JSON Lines {"id", "gold", "response"} and writes {"id", "verdict", "answer"}; the verdict
/// is correct, wrong, `no_answer`, unparsed or timeout. A line that cannot be graded has the verdict
/// invalid, its number and the reason; the others are graded all the same, and the exit code is 1.
///
/// With --reward the verifiers of a configuration decide, as in a run. A line may also have "problem",
/// "tags", "solution" and "truncated": true; the reward, the parts and the reason are written too. If a
/// response could not be verified, the verdict is timeout and the reward null.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  retrial grade responses.jsonl > verdicts.jsonl\n  \
    retrial grade --gold '\\frac{1}{2}' --response 'It is \\boxed{0.5}.' --explain\n  \
    retrial grade --reward my.toml responses.jsonl")]
pub struct Args {
    /// JSON Lines to grade; - reads standard input
    #[arg(required_unless_present = "gold", conflicts_with_all = ["gold", "response"])]
    file: Option<PathBuf>,
    /// The right answer
    #[arg(long, requires = "response", allow_hyphen_values = true)]
    gold: Option<String>,
    /// A response to grade
    #[arg(long, requires = "gold", allow_hyphen_values = true)]
    response: Option<String>,
    /// A configuration whose `[reward]` says who decides
    #[arg(long, value_name = "CONFIG", conflicts_with_all = ["gold", "extraction", "policy"])]
    reward: Option<PathBuf>,
    /// Where the answer is looked for in a response
    #[arg(long, value_enum, default_value_t = From::Auto)]
    extraction: From,
    /// What counts as the right answer where careful people differ
    #[arg(long, value_enum, default_value_t = By::Strict)]
    policy: By,
    /// Say how both sides were read and why they are equal or not, for a person
    #[arg(long, requires = "gold", conflicts_with = "file")]
    explain: bool,
}

/// Where an answer is looked for.
#[derive(Clone, Copy, ValueEnum)]
enum From {
    /// In the last complete box, or else in the last expression and the like
    Auto,
    /// In the last complete box only, as in training
    Boxed,
}

/// What counts as the right answer.
#[derive(Clone, Copy, ValueEnum)]
enum By {
    /// What is not surely right is wrong, as in training
    Strict,
    /// Rounded decimals, units and brackets are forgiven, as by other graders
    Lenient,
}

#[derive(Deserialize)]
struct Case {
    id: serde_json::Value,
    gold: String,
    response: String,
}

#[derive(Serialize)]
struct Graded {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    verdict: &'static str,
    answer: Option<String>,
}

/// Runs the command.
pub async fn run(args: &Args) -> Result<(), Failure> {
    let extraction = match args.extraction {
        From::Auto => Extraction::Auto,
        From::Boxed => Extraction::Boxed,
    };
    let policy = match args.policy {
        By::Strict => Policy::Strict,
        By::Lenient => Policy::Lenient,
    };
    let rules = Rules { extraction, policy };
    let mut out = BufWriter::new(std::io::stdout());
    if let (Some(settings), Some(file)) = (&args.reward, &args.file) {
        let (all, faulty) = by_reward::judge(settings, open(file)?, &mut out).await?;
        said(file, all, faulty)?;
    } else if let (Some(gold), Some(response)) = (&args.gold, &args.response) {
        if args.explain {
            let gold = read(gold).map_err(Failure::Input)?;
            writeln!(out, "{}", explain(&gold, response, rules))?;
        } else {
            let graded = graded(None, gold, response, rules).map_err(Failure::Input)?;
            serde_json::to_writer(&mut out, &graded)?;
            writeln!(out)?;
        }
    } else if let Some(file) = &args.file {
        stream(file, rules, &mut out)?;
    }
    Ok(out.flush()?)
}

/// Whether every line could be graded.
fn said(file: &Path, all: usize, invalid: usize) -> Result<(), Failure> {
    if invalid == 0 {
        return Ok(());
    }
    Err(Failure::Work(anyhow!(
        "{invalid} of {all} lines of {} could not be graded\n\
         hint: their verdict is `invalid`, with the reason",
        file.display()
    )))
}

fn stream(file: &Path, rules: Rules, out: &mut impl Write) -> Result<(), Failure> {
    let mut lines = (1..).zip(open(file)?.split(b'\n'));
    let (mut all, mut invalid) = (0_usize, 0_usize);
    loop {
        let chunk: Vec<(usize, Vec<u8>)> = lines
            .by_ref()
            .take(CHUNK)
            .map(|(number, line)| Ok((number, line?)))
            .collect::<std::io::Result<_>>()
            .with_context(|| format!("cannot read {}", file.display()))
            .map_err(Failure::Input)?;
        if chunk.is_empty() {
            break;
        }
        let graded = on_all_cores(&chunk, |(number, line)| grade_line(*number, line, rules));
        for line in graded.into_iter().flatten() {
            all += 1;
            match line {
                Line::Graded(graded) => serde_json::to_writer(&mut *out, &graded)?,
                Line::Invalid(reasoned) => {
                    invalid += 1;
                    serde_json::to_writer(&mut *out, &reasoned)?;
                }
            }
            writeln!(out)?;
        }
    }
    out.flush()?;
    said(file, all, invalid)
}

/// Maps items on all cores, in order.
fn on_all_cores<T: Sync, R: Send>(items: &[T], map: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = items.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let map = &map;
        let workers: Vec<_> = items
            .chunks(share)
            .map(|chunk| scope.spawn(move || chunk.iter().map(map).collect::<Vec<R>>()))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("grading does not panic"))
            .collect()
    })
}

/// What became of a line.
enum Line {
    Graded(Graded),
    Invalid(Invalid),
}

/// Grades a line, if it is not blank.
fn grade_line(number: usize, line: &[u8], rules: Rules) -> Option<Line> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    let case = serde_json::from_slice::<Case>(line).map_err(anyhow::Error::from);
    let graded = case.and_then(|case| graded(Some(case.id), &case.gold, &case.response, rules));
    Some(match graded {
        Ok(graded) => Line::Graded(graded),
        Err(error) => Line::Invalid(invalid(number, line, &error)),
    })
}

fn graded(
    id: Option<serde_json::Value>,
    gold: &str,
    response: &str,
    rules: Rules,
) -> Result<Graded> {
    let grade = grade(&read(gold)?, response, rules);
    Ok(Graded {
        id,
        verdict: grade.verdict.as_str(),
        answer: grade.answer.map(|answer| answer.text),
    })
}

fn read(gold: &str) -> Result<Gold> {
    Gold::parse(gold).map_err(|error| anyhow!("the gold answer `{gold}` does not parse: {error}"))
}

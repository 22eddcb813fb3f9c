//! `retrial eval`: benchmarks without training.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use retrial_config::{ModelPath, ModelPlace, PromptsConfig, ServerConfig};
use retrial_domain::{RewardConfig, Truncated};
use retrial_grader::Extraction;
use retrial_loop::failure::Failure;
use serde_json::{Value, json};

use super::grade::reward_of;
use super::output::{Format, write_records};
use crate::eval::{self, Change, Comparison, Plan, SetArgument, SetScore, Weights};

/// Evaluates a model on benchmarks: Pass@1 and Pass@k with 95 % confidence intervals.
///
/// The model is a folder, weights of a run, or a running server. Samples per problem are those of
/// the paper: 4, and 16 for AMC'23, AIME'24 and AIME'25. Every problem goes into the log; the same
/// command continues where it was interrupted. Progress goes to standard error.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
        retrial eval --model Qwen3-4B-Base --benchmark all\n  \
        retrial eval --run NAME@300 --benchmark aime24=aime24.jsonl --data own=problems.parquet\n  \
        retrial eval --server http://gpu:8000 --model Qwen3-4B-Base --benchmark math500 --name base\n  \
        retrial eval compare base NAME@300"
)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    plan: PlanArgs,
}

#[derive(clap::Subcommand)]
enum Action {
    Compare(CompareArgs),
}

/// What becomes of responses that are cut.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Cut {
    /// Their text is graded as it stands
    Graded,
    /// They have not answered
    Fail,
}

#[derive(clap::Args)]
struct PlanArgs {
    /// Hugging Face folder of the model, or its name on the hub; with --server only its tokenizer is
    /// used
    #[arg(long, value_name = "DIR")]
    model: Option<String>,
    /// Weights of a run in the log, the latest or a version
    #[arg(long, value_name = "RUN[@VERSION]", conflicts_with_all = ["model", "servers"])]
    run: Option<String>,
    /// URL of a running server, used as it is; can be given several times
    #[arg(long = "server", value_name = "URL", requires = "model")]
    servers: Vec<String>,
    /// Name of the model on the server
    #[arg(long, value_name = "NAME", default_value = "policy")]
    served_name: String,
    /// math500, minerva, olympiad, amc23, aime24, aime25 or all: from the Hugging Face hub, or a file
    #[arg(long = "benchmark", value_name = "NAME[=FILE]")]
    benchmarks: Vec<String>,
    /// Problems of your own: a file, a folder, or `hf://datasets/OWNER/NAME[/FILE]` on the hub
    #[arg(long, value_name = "NAME=FILE")]
    data: Vec<String>,
    /// Samples per problem
    #[arg(long)]
    k: Option<u32>,
    /// Sampling temperature
    #[arg(long, default_value_t = 1.0)]
    temperature: f64,
    /// Nucleus sampling (top-p): 1 samples from all tokens
    #[arg(long, default_value_t = 1.0)]
    top_p: f64,
    /// Limit on the tokens of a response; 8192 as in the paper, or what fits the context
    #[arg(long)]
    max_tokens: Option<usize>,
    /// The user message, with a placeholder for the problem
    #[arg(long, value_name = "TEMPLATE")]
    prompt: Option<String>,
    /// A configuration whose `[reward]` names the verifier; by default that of the run, or the grader of
    /// mathematics
    #[arg(long, value_name = "CONFIG")]
    reward: Option<PathBuf>,
    /// Where the answer is looked for in a response: auto, boxed, hashes or `answer_tag`
    #[arg(long, value_name = "WHERE", default_value_t = Extraction::Auto)]
    extraction: Extraction,
    /// What happens to truncated responses: their text is graded, or they fail; by default as `[reward]` says
    #[arg(long, value_enum)]
    truncated: Option<Cut>,
    /// Random seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Requests in flight to each server
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,
    /// Name of the evaluation in the log; default: the model's or the run's
    #[arg(long)]
    name: Option<String>,
    /// The log file
    #[arg(long, value_name = "FILE", default_value = "retrial.db")]
    db: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Compares two evaluations of the log problem by problem: won, lost, same.
///
/// The confidence interval is of the difference in Pass@1 (candidate - baseline), over paired problems.
#[derive(clap::Args)]
#[command(after_help = "Example: retrial eval compare base tuned")]
struct CompareArgs {
    /// The baseline evaluation
    baseline: String,
    /// The candidate evaluation
    candidate: String,
    /// Lists won and lost problems only
    #[arg(long)]
    problems: bool,
    /// The log file
    #[arg(long, value_name = "FILE", default_value = "retrial.db")]
    db: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    if let Some(Action::Compare(args)) = args.action {
        return compare(args).await.map_err(Failure::Input);
    }
    let format = args.plan.format;
    let plan = args.plan.plan().await.map_err(Failure::Input)?;
    let scores = eval::eval(plan).await?;
    Ok(show(&mut std::io::stdout().lock(), format, &scores)?)
}

impl PlanArgs {
    async fn plan(self) -> Result<Plan> {
        let Model { weights, name: usual, prompts: mut templates, max_tokens, reward } =
            self.model().await?;
        let mut reward = match &self.reward {
            Some(file) => reward_of(file)?,
            None => reward?,
        }
        .looking_in(self.extraction);
        match self.truncated {
            None => {}
            Some(Cut::Graded) => reward.truncated = Truncated::Graded,
            Some(Cut::Fail) => reward.truncated = Truncated::Fail,
        }
        weights.check()?;
        let mut sets = Vec::new();
        for text in &self.benchmarks {
            sets.extend(SetArgument::benchmarks(text)?);
        }
        for text in &self.data {
            sets.push(SetArgument::data(text)?);
        }
        if let Some(prompt) = self.prompt {
            templates.prompt = prompt;
        }
        let concurrency = self.concurrency.into();
        let urls = weights.urls().to_vec();
        let server =
            ServerConfig { urls, model: self.served_name, concurrency, ..ServerConfig::default() };
        Ok(Plan {
            name: self.name.unwrap_or(usual),
            weights,
            sets,
            k: self.k,
            temperature: self.temperature,
            top_p: self.top_p,
            max_tokens: self.max_tokens.or(max_tokens),
            seed: self.seed,
            prompts: templates,
            reward,
            server,
            database: self.db,
        })
    }

    async fn model(&self) -> Result<Model> {
        if let Some(run) = &self.run {
            let store = eval::existing(&self.db).await?;
            let (version, folder) = eval::of_run(&store, run).await?;
            let name = run.split('@').next().unwrap_or_default();
            let record = store.run_by_name(name).await?;
            store.close().await;
            let mut settings = record.map(|record| record.config).unwrap_or_default();
            let reward = match settings["reward"].take() {
                // The run is older than the table.
                Value::Null => Ok(RewardConfig::default()),
                reward => serde_json::from_value(reward).with_context(|| {
                    format!(
                        "the [reward] of run `{name}` in the log is not enough to start its verifier\n\
                         hint: give its configuration with --reward"
                    )
                }),
            };
            return Ok(Model {
                reward,
                weights: Weights::Folder(ModelPath(folder.display().to_string())),
                name: format!("{name}@{version}"),
                prompts: serde_json::from_value(settings["prompts"].take())
                    .with_context(|| format!("the prompts of the run `{name}` in the log"))?,
                max_tokens: settings["rollout"]["max_tokens"].as_u64().map(|limit| limit as usize),
            });
        }
        let path = ModelPath(self.model.clone().ok_or_else(|| {
            anyhow!(
                "there is no model to evaluate\nhint: give --model DIR, or --run RUN of the log"
            )
        })?);
        let usual = match path.place() {
            ModelPlace::Folder(folder) => folder.canonicalize().with_context(|| {
                format!("--model {path}: there is no such folder (hint: a Hugging Face folder)")
            })?,
            ModelPlace::Hub { repository, .. } => repository.into(),
        };
        let (weights, name) = if self.servers.is_empty() {
            let name = usual.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (Weights::Folder(path), name)
        } else {
            // The weights of a server may change: its name must come from someone who knows them.
            let urls = self.servers.clone();
            (Weights::Served { urls, description: path }, String::new())
        };
        let (prompts, reward) = (PromptsConfig::default(), Ok(RewardConfig::default()));
        Ok(Model { weights, name, prompts, max_tokens: None, reward })
    }
}

/// The model, and settings that depend on its source.
struct Model {
    weights: Weights,
    /// The default name of its evaluation.
    name: String,
    prompts: PromptsConfig,
    max_tokens: Option<usize>,
    /// Who decides, if the log can tell.
    reward: Result<RewardConfig>,
}

fn rounded(value: f64) -> Value {
    json!((value * 1e4).round() / 1e4)
}

fn span(low: f64, high: f64) -> Value {
    json!(format!("{low:.4} to {high:.4}"))
}

fn show(out: &mut impl Write, format: Format, scores: &[SetScore]) -> Result<()> {
    let header = [
        "benchmark",
        "problems",
        "k",
        "Pass@1",
        "95 % CI",
        "Pass@k",
        "95 % CI",
        "cut off",
        "tokens",
    ];
    write_records(out, format, scores, &header, |score| {
        vec![
            json!(score.benchmark),
            json!(score.problems),
            json!(score.k),
            rounded(score.pass_at_1),
            span(score.pass_at_1_low, score.pass_at_1_high),
            rounded(score.pass_at_k),
            span(score.pass_at_k_low, score.pass_at_k_high),
            rounded(score.cut_off),
            json!(score.tokens.round()),
        ]
    })
}

async fn compare(args: CompareArgs) -> Result<()> {
    let store = eval::existing(&args.db).await?;
    let (rows, changes, differs) = eval::compare(&store, [&args.baseline, &args.candidate]).await?;
    store.close().await;
    if let Some(differs) = differs {
        retrial_log::tell(&format!("the two evaluations were sampled differently: {differs}"));
    }
    let mut out = std::io::stdout().lock();
    if !args.problems {
        show_comparison(&mut out, args.format, &args.baseline, &args.candidate, &rows)?;
    }
    if args.problems || (args.format.is_table() && !changes.is_empty()) {
        if !args.problems {
            writeln!(out)?;
        }
        show_changes(&mut out, args.format, &args.baseline, &args.candidate, &changes)?;
    }
    Ok(())
}

fn show_comparison(
    out: &mut impl Write,
    format: Format,
    baseline: &str,
    candidate: &str,
    rows: &[Comparison],
) -> Result<()> {
    let (baseline, candidate) = (format!("Pass@1 of {baseline}"), format!("of {candidate}"));
    let header = [
        "benchmark",
        "problems",
        "won",
        "lost",
        "same",
        &baseline,
        &candidate,
        "difference",
        "95 % CI",
    ];
    write_records(out, format, rows, &header, |row| {
        vec![
            json!(row.benchmark),
            json!(row.problems),
            json!(row.won),
            json!(row.lost),
            json!(row.same),
            rounded(row.before),
            rounded(row.after),
            rounded(row.difference),
            span(row.low, row.high),
        ]
    })
}

fn show_changes(
    out: &mut impl Write,
    format: Format,
    baseline: &str,
    candidate: &str,
    changes: &[Change],
) -> Result<()> {
    let header = ["benchmark", "problem", "", baseline, candidate, "text"];
    write_records(out, format, changes, &header, |change| {
        vec![
            json!(change.benchmark),
            json!(change.problem),
            json!(change.outcome),
            json!(change.before),
            json!(change.after),
            json!(change.text),
        ]
    })
}

//! `retrial-trainer`: updates over HTTP, the cold start, and the export of trained models.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use axum::Router;
use clap::{Parser, Subcommand};
use retrial_trainer::adapter::LoraArgs;
use retrial_trainer::compute::{Compute, ComputeArgs, Threads};
use retrial_trainer::export;
use retrial_trainer::fault::Fault;
use retrial_trainer::http::{self, BoundListener, Ended, Listen, Worker};
use retrial_trainer::program::{self, attempt_all};
use retrial_trainer::push;
use retrial_trainer::ranks::{Environment, Ranks};
use retrial_trainer::sft;
use retrial_trainer::trainer::Trainer;

/// Time for pending answers, and for the other ranks to end, when this process ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Trains the policy for `retrial run`, or alone.
#[derive(Parser)]
#[command(version = env!("RETRIAL_VERSION"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Serve),
    Sft(Box<sft::Args>),
    /// Writes a weight version as a plain Hugging Face folder: weights, configuration, tokenizer, and
    /// the card of the run.
    ///
    /// Examples: retrial-trainer export --version runs/mine/v000500 --out mine; --push me/mine also
    /// uploads it to the hub.
    Export {
        #[command(flatten)]
        args: export::Args,
        #[command(flatten)]
        push: push::Destination,
    },
}

/// Serves updates over HTTP.
///
/// Started several times with RANK, `WORLD_SIZE`, `MASTER_ADDR` and `MASTER_PORT` in the environment,
/// as torchrun does, the processes train together; rank 0 serves. See docs/scale.md.
///
/// Example: retrial-trainer serve --model Qwen3-4B-Base --versions runs/mine --port 8100
#[derive(clap::Args)]
struct Serve {
    /// Hugging Face folder of the initial model.
    #[arg(long)]
    model: PathBuf,
    /// Folder of the weight versions; training continues from the latest one.
    #[arg(long)]
    versions: PathBuf,
    /// Versions to keep on disk.
    #[arg(long, default_value_t = 3)]
    keep: usize,
    #[command(flatten)]
    compute: ComputeArgs,
    #[command(flatten)]
    lora: LoraArgs,
    /// Random seed of a new adapter.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
    /// Longest wait for another rank, seconds. A rank that is silent for longer ends all ranks.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    rank_timeout: u64,
    #[command(flatten)]
    listen: Listen,
    /// Crash at POINT@STEP (for tests).
    #[arg(long, hide = true, value_parser = Fault::crash)]
    crash_at: Option<Fault>,
    /// Stop as by SIGSTOP at POINT@STEP (for tests).
    #[arg(long, hide = true, value_parser = Fault::stop, conflicts_with = "crash_at")]
    stop_at: Option<Fault>,
    /// Run out of memory at POINT@STEP (for tests).
    #[arg(long, hide = true, value_parser = Fault::out_of_memory,
          conflicts_with_all = ["crash_at", "stop_at"])]
    out_of_memory_at: Option<Fault>,
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = program::init_tracing() {
        return program::refused(&error);
    }
    match Cli::parse().command {
        Command::Serve(args) => serve(args).await,
        Command::Sft(args) => {
            args.ready();
            let less = "lower --micro-batch-tokens, or set --recompute";
            match attempt_all(less, || sft::Job::open(&args)) {
                Ok(job) => program::ended(attempt_all(less, || job.run())),
                Err(error) => program::refused(&error),
            }
        }
        Command::Export { args, push } => {
            let less = "export on a machine with more memory";
            let open = || Ok((push.target()?, export::open(&args)?));
            match attempt_all(less, open) {
                Ok((target, model)) => program::ended(attempt_all(less, || {
                    export::run(&args, target.as_ref(), &model)
                })),
                Err(error) => program::refused(&error),
            }
        }
    }
}

async fn serve(args: Serve) -> ExitCode {
    args.threads.ready();
    let read = || Ok((Environment::read()?, args.compute.compute()?));
    let (environment, compute) = match read() {
        Ok(read) => read,
        Err(error) => return program::refused(&error),
    };
    if environment.as_ref().is_some_and(|environment| !environment.place.leads()) {
        return follow(&args, environment, compute).await;
    }
    match open(&args, environment, compute).await {
        Ok((bound, router, ended)) => program::ended(lead(&args, bound, router, ended).await),
        Err(error) => program::refused(&error),
    }
}

/// Serves until the process is told to end, or the trainer cannot continue.
async fn lead(args: &Serve, bound: BoundListener, router: Router, mut ended: Ended) -> Result<()> {
    let mut gone = ended.clone();
    tokio::select! {
        served = args.listen.serve(bound, router) => {
            // The other ranks are told to end.
            let _ = tokio::time::timeout(FAREWELL, ended.wait()).await;
            served
        }
        ending = gone.wait() => {
            tokio::time::sleep(FAREWELL).await;
            bail!(ending)
        }
    }
}

async fn open(
    args: &Serve,
    environment: Option<Environment>,
    compute: Compute,
) -> Result<(BoundListener, Router, Ended)> {
    // The port is bound first: a bad port should not be noticed only after minutes of reading a model.
    let bound = args.listen.bind().await?;
    let worker = Worker::start(opening(args, environment, compute)?).await??;
    let ended = worker.ended();
    Ok((bound, http::router(worker, compute.device), ended))
}

/// Follows the orders of rank 0.
async fn follow(args: &Serve, environment: Option<Environment>, compute: Compute) -> ExitCode {
    args.listen.end_with_parent();
    let opening = match opening(args, environment, compute) {
        Ok(opening) => opening,
        Err(error) => return program::refused(&error),
    };
    let followed = tokio::task::spawn_blocking(move || Ok(opening()?.follow()?)).await;
    program::ended(followed.unwrap_or_else(|error| Err(anyhow!("the trainer broke down: {error}"))))
}

/// A function that makes the trainer on its own thread.
fn opening(
    args: &Serve,
    environment: Option<Environment>,
    compute: Compute,
) -> Result<impl FnOnce() -> Result<Trainer> + Send + use<>> {
    let Serve { model, versions, keep, rank_timeout, .. } = args;
    let (model, versions, keep) = (model.clone(), versions.clone(), *keep);
    let fault = args.crash_at.or(args.stop_at).or(args.out_of_memory_at);
    let (adapter, timeout) = (args.lora.adapter(args.seed)?, Duration::from_secs(*rank_timeout));
    Ok(move || {
        let ranks = Ranks::of_environment(environment.as_ref(), timeout)?;
        Ok(Trainer::open_among(ranks, &model, &versions, keep, fault, compute, adapter)?)
    })
}

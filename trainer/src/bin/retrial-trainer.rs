//! `retrial-trainer`: updates over HTTP, the cold start, and the export of what came out.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use axum::Router;
use clap::{Parser, Subcommand};
use retrial_protocol::{Lora, Target};
use retrial_trainer::compute::Compute;
use retrial_trainer::compute::ComputeArgs;
use retrial_trainer::export;
use retrial_trainer::fault::Fault;
use retrial_trainer::model::lora::NewAdapter;
use retrial_trainer::ranks::{Environment, Ranks};
use retrial_trainer::service;
use retrial_trainer::serving::{self, Door, Listen};
use retrial_trainer::sft;
use retrial_trainer::trainer::Trainer;
use retrial_trainer::worker::{Ended, Worker};

/// How long an answer may take on its way, and the other ranks to end, once this process ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Trains the policy for `retrial run`, or alone.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(Serve),
    Sft(sft::Args),
    Export(export::Args),
}

/// Serves updates over HTTP.
///
/// Started several times with RANK, `WORLD_SIZE`, `MASTER_ADDR` and `MASTER_PORT` in the environment,
/// as torchrun does, the processes train together; rank 0 serves. See docs/scale.md.
///
/// Example: retrial-trainer serve --model Qwen3-4B-Base --versions runs/mine --port 8100
#[derive(clap::Args)]
struct Serve {
    /// Hugging Face folder of the model to begin with.
    #[arg(long)]
    model: PathBuf,
    /// Folder of the weight versions; the latest one is taken up.
    #[arg(long)]
    versions: PathBuf,
    /// Versions to keep on disk.
    #[arg(long, default_value_t = 3)]
    keep: usize,
    #[command(flatten)]
    compute: ComputeArgs,
    /// Train a low-rank adapter of this rank, and leave the model as it is.
    #[arg(long, requires = "lora_alpha")]
    lora_rank: Option<u32>,
    /// Weight of the adapter, times its rank.
    #[arg(long, requires = "lora_rank")]
    lora_alpha: Option<f64>,
    /// Matrices that have one, separated by commas; all of a layer if not given.
    #[arg(long, requires = "lora_rank", value_delimiter = ',')]
    lora_targets: Vec<Target>,
    /// What a new adapter's random half follows from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads of libtorch.
    #[arg(long, default_value_t = 1)]
    threads: u16,
    /// Longest wait for another rank, seconds. One that is silent for longer ends all.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    rank_timeout: u64,
    #[command(flatten)]
    listen: Listen,
    /// Crash at POINT@STEP, for tests.
    #[arg(long, hide = true, value_parser = Fault::crash)]
    crash_at: Option<Fault>,
    /// Stop as by SIGSTOP at POINT@STEP, for tests.
    #[arg(long, hide = true, value_parser = Fault::stop, conflicts_with = "crash_at")]
    stop_at: Option<Fault>,
}

impl Serve {
    /// The adapter that is to be trained, if one is.
    fn adapter(&self) -> Result<Option<NewAdapter>> {
        let (Some(rank), Some(alpha)) = (self.lora_rank, self.lora_alpha) else { return Ok(None) };
        let given = &self.lora_targets;
        let targets = if given.is_empty() { Target::ALL.to_vec() } else { given.clone() };
        let form = Lora { rank, alpha, targets };
        form.validate()?;
        Ok(Some(NewAdapter { form, seed: self.seed }))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = serving::init_tracing() {
        return serving::refused(&error);
    }
    match Cli::parse().command {
        Command::Serve(args) => serve(args).await,
        Command::Sft(args) => {
            serving::ready_libtorch(args.threads);
            match sft::Job::open(&args) {
                Ok(job) => serving::ended(job.run()),
                Err(error) => serving::refused(&error),
            }
        }
        Command::Export(args) => match export::open(&args) {
            Ok(model) => {
                let kind = args.precision.kind();
                serving::ended(export::write(&model, &args.version, &args.out, kind))
            }
            Err(error) => serving::refused(&error),
        },
    }
}

async fn serve(args: Serve) -> ExitCode {
    serving::ready_libtorch(args.threads);
    let read = || Ok((Environment::read()?, args.compute.compute()?));
    let (environment, compute) = match read() {
        Ok(read) => read,
        Err(error) => return serving::refused(&error),
    };
    if environment.as_ref().is_some_and(|environment| !environment.place.leads()) {
        return follow(&args, environment, compute).await;
    }
    match open(&args, environment, compute).await {
        Ok((door, router, ended)) => serving::ended(lead(&args, door, router, ended).await),
        Err(error) => serving::refused(&error),
    }
}

/// Serves until the process is told to end, or the trainer cannot go on.
async fn lead(args: &Serve, door: Door, router: Router, mut ended: Ended) -> Result<()> {
    let mut gone = ended.clone();
    tokio::select! {
        served = args.listen.serve(door, router) => {
            // The other ranks are told to end.
            let _ = tokio::time::timeout(FAREWELL, ended.wait()).await;
            served
        }
        () = gone.wait() => {
            tokio::time::sleep(FAREWELL).await;
            bail!("the trainer has lost other ranks\nhint: start all ranks again; the last version is whole")
        }
    }
}

async fn open(
    args: &Serve,
    environment: Option<Environment>,
    compute: Compute,
) -> Result<(Door, Router, Ended)> {
    // The port first: a model that takes minutes to read should not fail on it afterwards.
    let door = args.listen.bind().await?;
    let worker = Worker::start(opening(args, environment, compute)?).await??;
    let ended = worker.ended();
    Ok((door, service::router(worker, compute.device), ended))
}

/// Does what rank 0 says.
async fn follow(args: &Serve, environment: Option<Environment>, compute: Compute) -> ExitCode {
    args.listen.end_with_parent();
    let opening = match opening(args, environment, compute) {
        Ok(opening) => opening,
        Err(error) => return serving::refused(&error),
    };
    let followed = tokio::task::spawn_blocking(move || Ok(opening()?.follow()?)).await;
    serving::ended(followed.unwrap_or_else(|error| Err(anyhow!("the trainer broke down: {error}"))))
}

/// What makes the trainer on its thread.
fn opening(
    args: &Serve,
    environment: Option<Environment>,
    compute: Compute,
) -> Result<impl FnOnce() -> Result<Trainer> + Send + use<>> {
    let Serve { model, versions, keep, rank_timeout, .. } = args;
    let (model, versions, keep) = (model.clone(), versions.clone(), *keep);
    let fault = args.crash_at.or(args.stop_at);
    let (adapter, timeout) = (args.adapter()?, Duration::from_secs(*rank_timeout));
    Ok(move || {
        let ranks = Ranks::of_environment(environment.as_ref(), timeout)?;
        Ok(Trainer::open_among(ranks, &model, &versions, keep, fault, compute, adapter)?)
    })
}

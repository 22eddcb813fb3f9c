//! `retrial-trainer`: updates over HTTP, the cold start, and the export of what came out.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use axum::Router;
use clap::{Parser, Subcommand};
use retrial_protocol::{Lora, Target};
use retrial_trainer::compute::ComputeArgs;
use retrial_trainer::export;
use retrial_trainer::fault::CrashPoint;
use retrial_trainer::model::lora::NewAdapter;
use retrial_trainer::service;
use retrial_trainer::serving::{self, Door, Listen};
use retrial_trainer::sft;
use retrial_trainer::trainer::Trainer;
use retrial_trainer::worker::Worker;

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
    #[command(flatten)]
    listen: Listen,
    /// Crash at POINT@STEP, for tests.
    #[arg(long, hide = true)]
    crash_at: Option<CrashPoint>,
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
            serving::set_threads(args.threads);
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
    match open(&args).await {
        Ok((door, router)) => serving::ended(args.listen.serve(door, router).await),
        Err(error) => serving::refused(&error),
    }
}

async fn open(args: &Serve) -> Result<(Door, Router)> {
    serving::set_threads(args.threads);
    // The port first: a model that takes minutes to read should not fail on it afterwards.
    let door = args.listen.bind().await?;
    let compute = args.compute.compute()?;
    let Serve { model, versions, keep, crash_at, .. } = args;
    let (model, versions, keep, crash_at) = (model.clone(), versions.clone(), *keep, *crash_at);
    let adapter = args.adapter()?;
    let open = move || Trainer::open(&model, &versions, keep, crash_at, compute, adapter);
    let worker = Worker::start(open).await??;
    Ok((door, service::router(worker, compute.device)))
}

//! `retrial-policy`: the embedded policy server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use axum::Router;
use clap::Parser;
use retrial_text::Text;
use retrial_trainer::compute::{self, ComputeArgs};
use retrial_trainer::http::{BoundListener, Listen};
use retrial_trainer::model::{Decoder, KvCache};
use retrial_trainer::policy::command::{Options, Products};
use retrial_trainer::policy::engine::Engine;
use retrial_trainer::policy::memory;
use retrial_trainer::policy::request::Limits;
use retrial_trainer::policy::routes;
use retrial_trainer::policy::sampling::LogprobsMode;
use retrial_trainer::program::{self, attempt_all};
use tch::{Device, Kind};

/// Samples from a model over HTTP, behind the routes of vLLM.
///
/// Sampling parameters that a request does not set are neutral: temperature 1, no truncation, no
/// penalties. From the model's own files only the end tokens are used. Without `max_tokens`
/// a response may fill the context.
///
/// Example: retrial-policy --model Qwen3-0.6B --served-model-name policy --max-model-len 4096
#[derive(Parser)]
#[command(
    name = "retrial-policy",
    version = env!("RETRIAL_VERSION"),
    mut_arg("port", |port| port.required(false).default_value("8000"))
)]
struct Cli {
    /// Hugging Face folder of the model.
    #[arg(long)]
    model: PathBuf,
    /// Name of the model in requests; default: the path of its folder.
    #[arg(long)]
    served_model_name: Option<String>,
    /// Sequences sampled at the same time; further ones wait.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..))]
    max_num_seqs: u16,
    /// Longest sequence, prompt and response together, in tokens; default: the model's context.
    #[arg(long)]
    max_model_len: Option<usize>,
    /// Memory for keys and values, bytes; default: most of the free memory. Sequences that do not fit
    /// wait.
    #[arg(long)]
    kv_cache_memory_bytes: Option<usize>,
    /// Which log-probabilities are reported.
    #[arg(long, value_enum, default_value_t)]
    logprobs_mode: LogprobsMode,
    #[command(flatten)]
    compute: ComputeArgs,
    /// Threads; default: as many as there are cores. On the processor responses do not depend on it.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    #[command(flatten)]
    listen: Listen,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = program::init_tracing() {
        return program::refused(&error);
    }
    let (bound, router, engine) = match start(&cli).await {
        Ok(started) => started,
        Err(error) => return program::refused(&error),
    };
    program::ended(tokio::select! {
        served = cli.listen.serve(bound, router) => served,
        () = engine.gone() => Err(anyhow!("the sampling thread has ended")),
    })
}

async fn start(cli: &Cli) -> Result<(BoundListener, Router, Engine)> {
    // The port is bound first, because reading a large model takes long.
    let bound = cli.listen.bind().await?;
    let threads = cli.threads.unwrap_or_else(compute::cores);
    let strict = compute::prepare(threads);
    let root = cli.model.display().to_string();
    let compute = cli.compute.compute()?;
    if !strict && compute.kind != Kind::Float && compute.device == Device::Cpu {
        tracing::warn!("in bf16 equal requests may have answers that differ in the last bits here");
    }
    let less = "a smaller model, or a machine with more memory";
    let model =
        attempt_all(less, || Ok(Decoder::load_as(&cli.model, (compute.kind, compute.device))?))?;
    let text = Arc::new(Text::load(&cli.model)?);
    let config = model.config();
    let context = match cli.max_model_len {
        Some(length) if length == 0 || length > config.context => {
            bail!("--max-model-len is {length}, the model's context is {} tokens", config.context)
        }
        Some(length) => length,
        None => config.context,
    };
    // The cache grows as sequences need it. There must be enough memory for one.
    let cache_bytes = cli.kv_cache_memory_bytes.unwrap_or_else(memory::for_cache);
    let needed = KvCache::bytes(config, 1, context);
    if needed > cache_bytes {
        let gib = |bytes: usize| bytes as f64 / f64::from(1 << 30);
        bail!(
            "the cache for a sequence of {context} tokens takes {:.1} GiB, and there are {:.1} GiB \
             for it\n\
             hint: lower the longest prompt and response together: [rollout] max_tokens of a run, \
             --max-model-len of a server",
            gib(needed),
            gib(cache_bytes)
        );
    }
    let limits = Limits {
        model: cli.served_model_name.clone().unwrap_or_else(|| root.clone()),
        context,
        vocabulary: config.vocabulary as usize,
    };
    let options = Options {
        max_sequences: cli.max_num_seqs.into(),
        context,
        logprobs: cli.logprobs_mode,
        threads,
        compute,
        products: Products::Best,
    };
    tracing::info!(
        model = root,
        parameters = model.size(),
        context,
        sequences = options.max_sequences,
        "loaded the model"
    );
    let folder = cli.model.clone();
    let engine = Engine::start_within(model, folder, Arc::clone(&text), options, cache_bytes)
        .context("cannot start the sampling thread")?;
    let router = routes::router(engine.clone(), text, root, limits);
    Ok((bound, router, engine))
}

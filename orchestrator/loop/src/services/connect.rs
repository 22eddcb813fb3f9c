//! Starts the services that the configuration does not name, and connects to all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use retrial_config::{Config, ServerConfig};
use retrial_protocol::{ServerAddress, ServerKind, Transfer};
use retrial_servers::{Fleet, FleetError, Limits, Plan, Policy, Pool};

use super::Service;
use crate::failure::Failure;
use crate::trainer::Trainer;

/// Consecutive failed requests after which a server is excluded.
const FAILURES_IN_A_ROW: u32 = 3;

/// The policy servers: the embedded one, started on `model` for sequences of `longest` tokens with
/// its log in `log`, unless the configuration names others. Returns its process and the addresses of
/// all.
pub async fn policy(
    server: &ServerConfig,
    model: &Path,
    longest: Option<usize>,
    log: PathBuf,
) -> Result<(Option<Service>, Vec<String>), Failure> {
    if !server.urls.is_empty() {
        return Ok((None, server.urls.clone()));
    }
    let service = Service::policy(model, server, longest, log).await?;
    let urls = vec![service.url().to_owned()];
    Ok((Some(service), urls))
}

/// The trainer, started on the folder of the model unless the configuration names one. It may be told
/// to crash, for tests.
pub async fn trainer(
    config: &Config,
    model: &Path,
    crash: Option<&str>,
) -> Result<(Option<Service>, Trainer), Failure> {
    let process = match config.trainer.url {
        Some(_) => None,
        None => Some(Service::trainer(config, model, crash).await?),
    };
    let given = config.trainer.url.as_deref().unwrap_or_default();
    let url = process.as_ref().map_or(given, Service::url);
    let timeout = Duration::from_secs(config.trainer.timeout_seconds);
    let trainer = Trainer::new(url, timeout)?.showing(config.server.access());
    Ok((process, trainer))
}

/// Probes the servers at these addresses.
pub async fn fleet(config: &ServerConfig, urls: &[String]) -> Result<Fleet, FleetError> {
    let plan = Plan {
        urls,
        workers: &config.workers,
        model: &config.model,
        timeout: Duration::from_secs(config.timeout_seconds),
        access: &config.access(),
    };
    let fleet = retrial_servers::connect(plan).await?;
    for found in fleet.found.iter().chain(&fleet.workers) {
        tracing::info!("{found}");
    }
    Ok(fleet)
}

/// The servers of a run, which must accept weights: a pool to sample from, and where to push to.
pub async fn pool(
    config: &ServerConfig,
    urls: &[String],
) -> Result<(Pool, Vec<ServerAddress>), Failure> {
    let fleet = fleet(config, urls).await?;
    let addresses = fleet.addresses()?;
    let not_vllm = addresses.iter().find(|address| address.kind != ServerKind::Vllm);
    if let (Transfer::Nccl, Some(ServerAddress { url, .. })) = (config.push, not_vllm) {
        return Err(Failure::Input(anyhow!(
            "{url} does not accept weights over NCCL; only vLLM does\n\
             hint: set server.push = \"disk\""
        )));
    }
    let limits = Limits {
        concurrency: config.concurrency,
        failures: FAILURES_IN_A_ROW,
        budget: config.error_budget,
        pause: Policy::BRIEF.first,
        stall: Duration::from_secs(config.stall_seconds),
    };
    let patience = Duration::from_secs(config.patience_seconds);
    Ok((fleet.pool(limits).patient(patience), addresses))
}

//! The services of a configuration, started where it names none, and what they speak.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use retrial_config::{Config, ServerConfig};
use retrial_protocol::{ServerAddress, ServerKind, Transfer};
use retrial_servers::{Limits, Pool, probe};

use super::Service;
use crate::failure::Failure;
use crate::supervisor::FIRST_PAUSE;
use crate::trainer::Trainer;

/// Failed requests in a row after which a server is left out.
const FAILURES_IN_A_ROW: u32 = 3;

/// The policy servers: the embedded one, started on `model` with its log in `log`, unless the
/// configuration names others. Returns its process and the addresses of all.
pub async fn policy(
    server: &ServerConfig,
    model: &Path,
    log: PathBuf,
) -> Result<(Option<Service>, Vec<String>), Failure> {
    if !server.urls.is_empty() {
        return Ok((None, server.urls.clone()));
    }
    let service = Service::policy(model, server, log).await?;
    let urls = vec![service.url().to_owned()];
    Ok((Some(service), urls))
}

/// The trainer, started unless the configuration names one. It may be told to crash, for tests.
pub async fn trainer(
    config: &Config,
    crash: Option<&str>,
) -> Result<(Option<Service>, Trainer), Failure> {
    let process = match config.trainer.url {
        Some(_) => None,
        None => Some(Service::trainer(config, crash).await?),
    };
    let given = config.trainer.url.as_deref().unwrap_or_default();
    let url = process.as_ref().map_or(given, Service::url);
    let timeout = Duration::from_secs(config.trainer.timeout_seconds);
    let trainer = Trainer::new(url, timeout)?;
    Ok((process, trainer))
}

/// The servers of a run, which must take weights: a pool to sample from, and where to push to.
pub async fn pool(
    config: &ServerConfig,
    urls: &[String],
) -> Result<(Pool, Vec<ServerAddress>), Failure> {
    let timeout = Duration::from_secs(config.timeout_seconds);
    let (mut adapters, mut addresses) = (Vec::new(), Vec::new());
    for url in urls {
        let found = probe(url, &config.model).await?;
        tracing::info!("{found}");
        let Some(kind) = found.control else {
            return Err(Failure::Work(anyhow!(
                "{url} has no routes to load weights\n\
                 hint: start vLLM with VLLM_SERVER_DEV_MODE=1, as docs/servers.md says"
            )));
        };
        if config.push == Transfer::Nccl && kind != ServerKind::Vllm {
            return Err(Failure::Input(anyhow!(
                "{url} takes no weights over NCCL, vLLM does\n\
                 hint: push by server.push = \"disk\""
            )));
        }
        adapters.push(found.connect(&config.model, timeout)?);
        addresses.push(ServerAddress { url: found.url, kind });
    }
    let limits = Limits {
        concurrency: config.concurrency,
        failures: FAILURES_IN_A_ROW,
        budget: config.error_budget,
        pause: FIRST_PAUSE,
        stall: Duration::from_secs(config.stall_seconds),
    };
    Ok((Pool::new(adapters, limits), addresses))
}

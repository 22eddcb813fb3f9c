//! Supervises the policy servers and the trainer of a run: waits for temporary failures, and
//! restarts processes of the run that have crashed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use retrial_config::Config;
use retrial_live::Live;
use retrial_protocol::{ServerAddress, TrainReport, TrainRequest, TrainerState, WeightVersion};
use retrial_servers::{CallError, Outcome, Policy, Pool, PoolError, SampleRequest, Transience};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::services::Service;
use crate::suspicions::Suspicions;
use crate::trainer::Trainer;

/// Time after a broken connection, or an answer about lost ranks, until the end of a process is
/// noticed: rank 0 ends two seconds after such an answer.
const END_IS_SEEN: Duration = Duration::from_secs(4);

/// The policy servers and the trainer of a run.
pub struct Supervisor {
    /// The servers for sampling.
    pub pool: Arc<Pool>,
    /// The servers for pushes.
    pub servers: Vec<ServerAddress>,
    /// The trainer.
    pub trainer: Trainer,
    /// The embedded server, if this run started it.
    pub policy_process: Option<Service>,
    /// The trainer's process, if this run started it.
    pub trainer_process: Option<Service>,
    /// Token ids that servers and trainer score after each push.
    pub probe: Vec<u32>,
    /// The shared state for the dashboard.
    pub live: Arc<Live>,
    /// The configuration.
    pub config: Config,
    /// Knowledge about the servers' weights.
    pub suspicions: Suspicions,
    /// Locked while servers are brought back.
    pub bringing_back: Mutex<()>,
}

impl Supervisor {
    /// Requests that servers accept at the same time.
    pub fn concurrency(&self) -> usize {
        self.pool.concurrency()
    }

    /// The version that was pushed last.
    pub fn version(&self) -> Option<WeightVersion> {
        self.pool.version()
    }

    /// The trainer's state.
    pub async fn state(&self) -> Result<TrainerState> {
        self.with_trainer(|| self.trainer.state()).await
    }

    /// Takes a step in the trainer, once.
    pub async fn train(&self, request: &TrainRequest) -> Result<TrainReport> {
        self.with_trainer(|| self.trainer.train(request)).await
    }

    /// Samples with the weights of `version`; restores the servers first if none serves it.
    /// They come back with the trainer's version, which may be newer by then: the one that sampled
    /// is returned.
    pub async fn sample(
        &self,
        mut version: WeightVersion,
        request: SampleRequest<'_>,
    ) -> Result<(WeightVersion, Vec<Outcome>)> {
        loop {
            match self.pool.ask(version, request).await {
                Err(PoolError::NoServer(_)) => {
                    let _one_at_a_time = self.bringing_back.lock().await;
                    version = match self.pool.served() {
                        Some(served) => served,
                        None => self.publish(self.state().await?.version, None).await?.version,
                    };
                }
                outcomes => return Ok((version, outcomes?)),
            }
        }
    }

    /// Calls the trainer. A trainer that the run has started is restarted if it crashes, others
    /// are waited for until patience ends. All calls can be repeated.
    pub(crate) async fn with_trainer<T, F>(&self, call: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        match &self.trainer_process {
            Some(process) => with_restarts(process, call).await,
            None => Ok(self.policy().run_while(call, CallError::is_silence).await?),
        }
    }

    /// Retry policy for servers and a trainer that others run.
    pub(crate) fn policy(&self) -> Policy {
        Policy::waiting(self.patience())
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.config.server.patience_seconds)
    }
}

/// Calls a process, which is restarted if it crashes meanwhile.
async fn with_restarts<T, F>(process: &Service, call: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T, CallError>>,
{
    loop {
        let outcome = tokio::select! {
            outcome = call() => outcome,
            () = process.ended() => {
                process.restart_if_ended().await?;
                continue;
            }
        };
        match outcome {
            // This may be the first sign of its end.
            Err(error) if error.transience() == Transience::Transient => {
                if timeout(END_IS_SEEN, process.ended()).await.is_err() {
                    return Err(error.into());
                }
                process.restart_if_ended().await?;
            }
            outcome => return Ok(outcome?),
        }
    }
}

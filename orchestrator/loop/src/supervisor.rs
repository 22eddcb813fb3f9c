//! Watches over the policy servers and the trainer of a run: what fails for a while is waited for,
//! what has died and was started by the run is started again.

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

/// How long after a broken connection, or an answer that ranks are lost, the end of a process is
/// seen: rank 0 ends two seconds after such an answer.
const END_IS_SEEN: Duration = Duration::from_secs(4);

/// The policy servers and the trainer of a run.
pub struct Supervisor {
    /// Where rollouts come from.
    pub pool: Arc<Pool>,
    /// Where weights go to.
    pub servers: Vec<ServerAddress>,
    /// Where updates are made.
    pub trainer: Trainer,
    /// The embedded server, if this run started it.
    pub policy_process: Option<Service>,
    /// The same of the trainer.
    pub trainer_process: Option<Service>,
    /// Token ids that servers and trainer score after each push.
    pub probe: Vec<u32>,
    /// What the dashboard shows of this moment.
    pub live: Arc<Live>,
    /// The configuration.
    pub config: Config,
    /// What is known of the servers' weights.
    pub suspicions: Suspicions,
    /// Held while servers are brought back.
    pub bringing_back: Mutex<()>,
}

impl Supervisor {
    /// Requests that servers take at once.
    pub fn concurrency(&self) -> usize {
        self.pool.concurrency()
    }

    /// The version that was pushed last.
    pub fn version(&self) -> Option<WeightVersion> {
        self.pool.version()
    }

    /// Where the trainer stands.
    pub async fn state(&self) -> Result<TrainerState> {
        self.with_trainer(|| self.trainer.state()).await
    }

    /// Takes a step in the trainer, once.
    pub async fn train(&self, request: &TrainRequest) -> Result<TrainReport> {
        self.with_trainer(|| self.trainer.train(request)).await
    }

    /// Samples with the weights of `version`; brings the servers back first if none serves it.
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

    /// Makes a call to the trainer. One that the run has started is started again if it dies, others
    /// are waited for while patience lasts. All calls may be repeated.
    pub(crate) async fn with_trainer<T, F>(&self, call: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        match &self.trainer_process {
            Some(process) => with_restarts(process, call).await,
            None => Ok(self.policy().run_while(call, CallError::is_silence).await?),
        }
    }

    /// How servers and a trainer that somebody else runs are waited for.
    pub(crate) fn policy(&self) -> Policy {
        Policy::waiting(self.patience())
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.config.server.patience_seconds)
    }
}

/// Makes a call to a process, which is started again if it dies over it.
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
            // This may be the first that is seen of its end.
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

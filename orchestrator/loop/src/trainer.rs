//! A client of the trainer's HTTP service.

use std::time::Duration;

use retrial_protocol::{
    Access, PublishCall, PublishReport, PublishRequest, ScoreRequest, ScoreResponse, TrainReport,
    TrainRequest, TrainerState,
};
use retrial_servers::{CallError, Caller, with_retries};

/// A client of the trainer.
#[derive(Clone, Debug)]
pub struct Trainer {
    caller: Caller,
    /// The credentials for policy servers.
    access: Access,
}

impl Trainer {
    /// A client of the trainer at `url`. Each call must be answered within `timeout`.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, CallError> {
        Ok(Self { caller: Caller::to_service(url, timeout)?, access: Access::default() })
    }

    /// Sets the credentials that the trainer sends to policy servers.
    #[must_use]
    pub fn showing(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// The trainer's state.
    pub async fn state(&self) -> Result<TrainerState, CallError> {
        with_retries(|| self.caller.get("/state")).await
    }

    /// Takes a step. Safe to repeat: the trainer takes a step once.
    pub async fn train(&self, request: &TrainRequest) -> Result<TrainReport, CallError> {
        with_retries(|| self.caller.post("/train", request)).await
    }

    /// Log-probabilities of sequences under the current weights.
    pub async fn score(&self, request: &ScoreRequest) -> Result<ScoreResponse, CallError> {
        with_retries(|| self.caller.post("/score", request)).await
    }

    /// Pushes the current version to the servers; done when each was verified.
    pub async fn publish(&self, request: &PublishRequest) -> Result<PublishReport, CallError> {
        let call = PublishCall { request: request.clone(), access: self.access.clone() };
        self.caller.post("/publish", &call).await
    }
}

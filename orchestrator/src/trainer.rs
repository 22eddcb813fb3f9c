//! Updates from the trainer's HTTP service.

use std::time::Duration;

use retrial_protocol::{
    PublishReport, PublishRequest, ScoreRequest, ScoreResponse, TrainReport, TrainRequest,
    TrainerState,
};

use crate::http::{self, CallError};

/// A client of the trainer.
#[derive(Clone, Debug)]
pub struct Trainer {
    http: reqwest::Client,
    url: String,
}

impl Trainer {
    /// A client of the trainer at `url`. Each call must be answered within `timeout`.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, CallError> {
        Ok(Self { http: http::client(timeout, None)?, url: url.trim_end_matches('/').into() })
    }

    /// Where the trainer stands.
    pub async fn state(&self) -> Result<TrainerState, CallError> {
        let url = format!("{}/state", self.url);
        http::with_retries(|| http::get(&self.http, &url)).await
    }

    /// Takes a step. Safe to repeat: the trainer takes a step once.
    pub async fn train(&self, request: &TrainRequest) -> Result<TrainReport, CallError> {
        let url = format!("{}/train", self.url);
        http::with_retries(|| http::post(&self.http, &url, request)).await
    }

    /// Log-probabilities of sequences under the current weights.
    pub async fn score(&self, request: &ScoreRequest) -> Result<ScoreResponse, CallError> {
        let url = format!("{}/score", self.url);
        http::with_retries(|| http::post(&self.http, &url, request)).await
    }

    /// Pushes the current version to the servers; done when each was seen to serve it.
    pub async fn publish(&self, request: &PublishRequest) -> Result<PublishReport, CallError> {
        let url = format!("{}/publish", self.url);
        http::post(&self.http, &url, request).await
    }
}

//! The trainer's HTTP service; `retrial_protocol` describes its routes.

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use retrial_protocol::{
    ErrorBody, PublishCall, PublishReport, ScoreRequest, ScoreResponse, TrainReport, TrainRequest,
    TrainerState,
};
use serde_json::json;
use tch::Device;

use super::worker::Worker;
use crate::model::ModelError;
use crate::publish::{self, Channels};
use crate::trainer::TrainerError;
use crate::update::LearnError;

/// A failed request: its status and its message.
struct Failure {
    status: StatusCode,
    error: String,
}

type Answer<T> = Result<Json<T>, Failure>;

/// State of the routes.
#[derive(Clone)]
struct Service {
    worker: Worker,
    channels: Channels,
}

/// The routes over a trainer that computes on `device`.
pub fn router(worker: Worker, device: Device) -> Router {
    let service = Service { worker, channels: Channels::new(device) };
    Router::new()
        .route("/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/state", get(state))
        .route("/train", post(train))
        .route("/publish", post(publish))
        .route("/score", post(score))
        // No limit on the size of a batch.
        .layer(DefaultBodyLimit::disable())
        .with_state(service)
}

async fn state(State(Service { worker, .. }): State<Service>) -> Answer<TrainerState> {
    Ok(Json(worker.call(|trainer| trainer.state()).await?))
}

async fn train(
    State(Service { worker, .. }): State<Service>,
    body: Result<Json<TrainRequest>, JsonRejection>,
) -> Answer<TrainReport> {
    let Json(request) = body?;
    Ok(Json(worker.call(move |trainer| trainer.train(&request)).await??))
}

async fn score(
    State(Service { worker, .. }): State<Service>,
    body: Result<Json<ScoreRequest>, JsonRejection>,
) -> Answer<ScoreResponse> {
    let Json(request) = body?;
    Ok(Json(worker.call(move |trainer| trainer.score(&request)).await??))
}

async fn publish(
    State(Service { worker, channels }): State<Service>,
    body: Result<Json<PublishCall>, JsonRejection>,
) -> Answer<PublishReport> {
    let Json(call) = body?;
    let request = &call.request;
    let sequences = vec![request.probe.clone()];
    let probe = ScoreRequest { sequences, temperature: 1.0, version: None };
    let (state, fallback, intact, scored) = worker
        .call(move |trainer| {
            (trainer.state(), trainer.previous(), trainer.check_files(), trainer.score(&probe))
        })
        .await?;
    if state.version != request.version {
        let (asked, here) = (request.version, state.version);
        let error =
            format!("version {asked} was to be published, the trainer is at version {here}");
        return Err(Failure { status: StatusCode::CONFLICT, error });
    }
    if let Err(error) = intact {
        let version = request.version;
        let error = format!(
            "version {version} was not pushed, its files are damaged: {error}\n\
             hint: the servers keep the weights they have; look at the disk and what else writes \
             there"
        );
        return Err(Failure { status: StatusCode::INTERNAL_SERVER_ERROR, error });
    }
    let expected = scored?.logprobs.remove(0);
    // In its own task: servers are resumed even if the caller has disconnected.
    let push = tokio::spawn(async move {
        publish::publish(&call, &state, fallback.as_deref(), &expected, &channels).await
    });
    Ok(Json(push.await.map_err(anyhow::Error::from)?))
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::warn!(status = %self.status, error = %self.error, "a request failed");
        (self.status, Json(ErrorBody { error: self.error })).into_response()
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self { status: rejection.status(), error: rejection.body_text() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, error: format!("{error:#}") }
    }
}

impl From<TrainerError> for Failure {
    fn from(error: TrainerError) -> Self {
        let status = match &error {
            TrainerError::OutOfOrder { .. } | TrainerError::OtherBatch { .. } => {
                StatusCode::CONFLICT
            }
            TrainerError::NoVersion { .. } => StatusCode::GONE,
            TrainerError::Sequence { .. }
            | TrainerError::Temperature { .. }
            | TrainerError::Learn(LearnError::Batch(_) | LearnError::Settings(_)) => {
                StatusCode::BAD_REQUEST
            }
            TrainerError::Learn(LearnError::Diverged { .. }) => StatusCode::UNPROCESSABLE_ENTITY,
            // A retry would not help, so the status must not be one that callers retry.
            TrainerError::Model(ModelError::Io { .. })
            | TrainerError::Learn(
                LearnError::Memory { .. } | LearnError::Elsewhere { memory: true, .. },
            ) => StatusCode::INSUFFICIENT_STORAGE,
            TrainerError::Torch { error, .. } if error.is_out_of_memory() => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            TrainerError::Learn(
                LearnError::NoReference
                | LearnError::Torch { .. }
                | LearnError::Elsewhere { memory: false, .. }
                | LearnError::Ranks(_),
            )
            | TrainerError::Model(_)
            | TrainerError::Torch { .. }
            | TrainerError::Elsewhere { .. }
            | TrainerError::Order(_)
            | TrainerError::Ranks(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, error: error.to_string() }
    }
}

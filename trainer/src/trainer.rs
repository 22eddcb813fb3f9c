//! The trainer: one policy, its versions on disk, one update after another.

use std::path::{Path, PathBuf};

use retrial_protocol::{
    ScoreRequest, ScoreResponse, Step, TrainReport, TrainRequest, TrainerState, VersionKind,
    WeightVersion,
};

use crate::compute::Compute;
use crate::fault::{CrashPoint, Point};
use crate::learner::{LearnError, Learner};
use crate::model::lora::NewAdapter;
use crate::model::{Decoder, ModelError};
use crate::publish;
use crate::versions::{Record, Versions};

/// Tokens of one forward pass when probes are scored.
const SCORE_TOKENS: usize = 4096;

/// A policy that is trained step by step.
pub struct Trainer {
    versions: Versions,
    learner: Learner,
    record: Record,
    base: PathBuf,
    compute: Compute,
    crash: Option<CrashPoint>,
}

/// Why a request to the trainer failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// The step does not follow on the version that is here.
    #[error(
        "step {step} starts from version {}, the trainer is at version {version}\n\
         hint: the trainer's folder belongs to another run, or two runs share it",
        .step.base()
    )]
    OutOfOrder {
        /// The step that was asked for.
        step: Step,
        /// The version that is here.
        version: WeightVersion,
    },
    /// The step was taken already, on other samples.
    #[error("step {step} was taken already, on another batch")]
    OtherBatch {
        /// The step that was asked for.
        step: Step,
    },
    /// The sequences cannot be scored.
    #[error("sequence {index} of the request {problem}")]
    Sequence {
        /// Its position.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing is sampled at this temperature.
    #[error("the temperature is {temperature}, it must be above 0")]
    Temperature {
        /// As it was asked for.
        temperature: f64,
    },
    /// The update failed.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// The new version could not be written, or an old one not be read.
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Trainer {
    /// Takes up the latest version in `folder`, or begins there with the model in `base`. With an
    /// adapter that is what learns.
    pub fn open(
        base: &Path,
        folder: &Path,
        keep: usize,
        crash: Option<CrashPoint>,
        compute: Compute,
        adapter: Option<NewAdapter>,
    ) -> Result<Self, ModelError> {
        let versions = Versions::open(folder, base, keep, compute, adapter)?;
        let (learner, record) = versions.load(compute)?;
        Ok(Self { versions, learner, record, base: base.into(), compute, crash })
    }

    /// Where it stands.
    pub fn state(&self) -> TrainerState {
        let config = self.learner.model.config();
        TrainerState {
            version: self.record.version,
            folder: self.folder(),
            kind: match self.learner.model.adapter() {
                None => VersionKind::Model,
                Some(_) => VersionKind::Adapter,
            },
            parameters: self.learner.model.size(),
            vocabulary: config.vocabulary as usize,
            context: config.context,
        }
    }

    /// Takes a step and writes the new version. The step that was taken last is recognised and
    /// answered with its recorded report.
    pub fn train(&mut self, request: &TrainRequest) -> Result<TrainReport, TrainerError> {
        let step = request.step;
        let batch = request.batch.digest();
        if let Some(report) = self.record.report.as_ref().filter(|report| report.step == step) {
            return if report.batch == batch {
                Ok(report.clone())
            } else {
                Err(TrainerError::OtherBatch { step })
            };
        }
        let version = self.record.version;
        if version.next_step() != step {
            return Err(TrainerError::OutOfOrder { step, version });
        }
        CrashPoint::reached(self.crash, Point::BeforeTrain, step);
        let taken = self.update_and_save(request);
        if taken.is_err() {
            // The weights in memory may be half-way: back to the last version.
            (self.learner, self.record) = self.versions.load(self.compute)?;
        }
        taken
    }

    #[tracing::instrument(level = "error", name = "at", skip_all, fields(
        run = self.versions.run(), step = request.step.0, phase = "train"))]
    fn update_and_save(&mut self, request: &TrainRequest) -> Result<TrainReport, TrainerError> {
        let step = request.step;
        if request.objective.kl.is_some() && self.learner.reference.is_none() {
            self.learner.reference = Some(match self.learner.model.adapter() {
                None => Decoder::load_as(&self.base, (self.compute.kind, self.compute.device))?,
                // The model that the adapter is on is what the run began with.
                Some(_) => self.learner.model.without_adapter(),
            });
        }
        let metrics = self.learner.update(request)?;
        CrashPoint::reached(self.crash, Point::AfterTrain, step);
        let report = TrainReport {
            step,
            folder: self.versions.path(step.version()),
            batch: request.batch.digest(),
            metrics,
        };
        let record = Record {
            version: step.version(),
            optimizer_steps: self.learner.optimizer.steps(),
            entropy_coefficient: self.learner.entropy_coefficient,
            report: Some(report.clone()),
        };
        self.versions.save(&self.learner, &record, &self.folder(), self.crash)?;
        tracing::info!(loss = report.metrics.loss, "a step was taken");
        self.record = record;
        Ok(report)
    }

    /// Log-probabilities of given sequences under the present weights.
    pub fn score(&self, request: &ScoreRequest) -> Result<ScoreResponse, TrainerError> {
        let config = self.learner.model.config();
        for (index, ids) in request.sequences.iter().enumerate() {
            let problem = if ids.len() < 2 {
                format!("has {} tokens, at least 2 are needed", ids.len())
            } else if ids.len() > config.context {
                format!("has {} tokens, the model's context is {}", ids.len(), config.context)
            } else if let Some(id) = ids.iter().find(|&&id| i64::from(id) >= config.vocabulary) {
                format!("has token id {id}, the vocabulary has {}", config.vocabulary)
            } else {
                continue;
            };
            return Err(TrainerError::Sequence { index, problem });
        }
        let temperature = request.temperature;
        if !(temperature > 0.0 && temperature.is_finite()) {
            return Err(TrainerError::Temperature { temperature });
        }
        let logprobs = self.learner.logprobs(&request.sequences, request.temperature, SCORE_TOKENS);
        Ok(ScoreResponse { version: self.record.version, logprobs })
    }

    /// Checks that the current version's files are what was written.
    pub fn check_files(&self) -> Result<(), ModelError> {
        let parameters = self.learner.model.learned();
        let expected: Vec<(String, Vec<i64>)> =
            parameters.iter().map(|(name, tensor)| (name.clone(), tensor.size())).collect();
        publish::check_files(&self.folder(), &expected)
    }

    /// The folder of the version before, if it is still on disk.
    pub fn previous(&self) -> Option<PathBuf> {
        let before = self.record.version.0.checked_sub(1)?;
        Some(self.versions.path(WeightVersion(before))).filter(|folder| folder.exists())
    }

    fn folder(&self) -> PathBuf {
        self.versions.path(self.record.version)
    }
}

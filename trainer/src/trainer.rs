//! The trainer: one policy, its versions on disk, one update after another, on one rank or on
//! several.

use std::path::{Path, PathBuf};

use std::time::Duration;

use retrial_native::c10d::GroupError;
use retrial_protocol::{
    ScoreRequest, ScoreResponse, Step, TrainReport, TrainRequest, TrainerState, VersionKind,
    WeightVersion,
};

use crate::compute::Compute;
use crate::fault::{Fault, Point};
use crate::learner::{LearnError, Learner};
use crate::model::lora::NewAdapter;
use crate::model::{Decoder, ModelError};
use crate::publish;
use crate::ranks::{Order, Ranks};
use crate::version::Record;
use crate::versions::Versions;

/// Tokens of one forward pass when probes are scored.
const SCORE_TOKENS: usize = 4096;

/// A policy that is trained step by step.
pub struct Trainer {
    versions: Versions,
    learner: Learner,
    record: Record,
    base: PathBuf,
    compute: Compute,
    fault: Option<Fault>,
    ranks: Ranks,
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
    /// Another rank failed, and the step with it.
    #[error("on rank {rank}: {error}")]
    Elsewhere {
        /// The rank.
        rank: usize,
        /// What it says.
        error: String,
    },
    /// The ranks are not together any more.
    #[error(transparent)]
    Ranks(#[from] GroupError),
}

impl Trainer {
    /// Takes up the latest version in `folder`, or begins there with the model in `base`. With an
    /// adapter that is what learns.
    pub fn open(
        base: &Path,
        folder: &Path,
        keep: usize,
        fault: Option<Fault>,
        compute: Compute,
        adapter: Option<NewAdapter>,
    ) -> Result<Self, TrainerError> {
        Self::open_among(Ranks::alone(), base, folder, keep, fault, compute, adapter)
    }

    /// The same on one of several ranks, which all see the folders.
    pub fn open_among(
        mut ranks: Ranks,
        base: &Path,
        folder: &Path,
        keep: usize,
        fault: Option<Fault>,
        compute: Compute,
        adapter: Option<NewAdapter>,
    ) -> Result<Self, TrainerError> {
        let place = ranks.place();
        ranks.use_gpu(compute.device)?;
        let open = || Versions::open(folder, base, keep, compute, adapter.clone());
        let own = agree(&mut ranks, place.leads().then(open).transpose())?;
        let sessions = ranks.concat(&[own.as_ref().map_or(0, Versions::session) as f64])?;
        let open = || {
            let follow = || Versions::follow(folder, base, keep, adapter, sessions[0] as u64);
            let versions = own.map_or_else(follow, Ok)?;
            let (learner, record) = versions.load(compute, place)?;
            Ok::<_, ModelError>((versions, learner, record))
        };
        let (versions, learner, record) = agree(&mut ranks, open())?;
        let trainer = Self { versions, learner, record, base: base.into(), compute, fault, ranks };
        trainer.at_one_version()
    }

    /// Fails if another rank has another version.
    fn at_one_version(mut self) -> Result<Self, TrainerError> {
        let versions = self.ranks.concat(&[self.record.version.0 as f64])?;
        match versions.iter().position(|version| *version != versions[0]) {
            None => Ok(self),
            Some(rank) => {
                let error = format!(
                    "it finds version {} where rank 0 has version {}\n\
                     hint: all ranks must see one folder of versions",
                    versions[rank], versions[0]
                );
                Err(TrainerError::Elsewhere { rank, error })
            }
        }
    }

    /// Does what the leader says until it says to end.
    pub fn follow(&mut self) -> Result<(), TrainerError> {
        loop {
            match self.ranks.hear()? {
                Order::Wait => {}
                Order::End => return Ok(()),
                Order::Train(request) => match self.take(&request) {
                    Ok(_) => {}
                    Err(error) if self.is_usable() => {
                        tracing::warn!(step = request.step.0, %error, "a step was not taken");
                    }
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// Whether it can take steps: not if ranks are lost, nor if the weights in memory are half-way.
    pub fn is_usable(&self) -> bool {
        self.ranks.are_whole()
    }

    /// How often [`Self::beat`] is to be called.
    pub fn pulse(&self) -> Duration {
        self.ranks.beat()
    }

    /// Tells the other ranks that this one is there, and notices if one is not.
    pub fn beat(&mut self) -> Result<(), TrainerError> {
        Ok(self.ranks.tell_to_wait()?)
    }

    /// Tells the other ranks to end.
    pub fn end(mut self) -> Result<(), TrainerError> {
        Ok(self.ranks.tell_to_end()?)
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
        self.ranks.tell_to_train(request)?;
        self.take(request)
    }

    /// Takes a step, on each rank.
    fn take(&mut self, request: &TrainRequest) -> Result<TrainReport, TrainerError> {
        Fault::reached(self.fault, Point::BeforeTrain, request.step);
        let taken = self.update_and_save(request);
        if taken.is_err() && self.is_usable() {
            // The weights in memory may be half-way: back to the last version.
            let loaded = self.versions.load(self.compute, self.ranks.place());
            match agree(&mut self.ranks, loaded) {
                Ok(loaded) => (self.learner, self.record) = loaded,
                Err(error) => {
                    self.ranks.leave();
                    return Err(error);
                }
            }
        }
        taken
    }

    #[tracing::instrument(level = "error", name = "at", skip_all, fields(
        run = self.versions.run(), step = request.step.0, phase = "train"))]
    fn update_and_save(&mut self, request: &TrainRequest) -> Result<TrainReport, TrainerError> {
        let step = request.step;
        if request.objective.kl.is_some() && self.learner.reference.is_none() {
            let reference = self.reference();
            self.learner.reference = Some(agree(&mut self.ranks, reference)?);
        }
        let metrics = self.learner.update_among(request, &mut self.ranks, self.fault)?;
        Fault::reached(self.fault, Point::AfterTrain, step);
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
        let (folder, place) = (self.folder(), self.ranks.place());
        self.versions.save_among(&self.learner, &record, &folder, self.fault, place, |mine| {
            agree(&mut self.ranks, mine)
        })?;
        if self.ranks.place().leads() {
            tracing::info!(loss = report.metrics.loss, "a step was taken");
        }
        self.record = record;
        Ok(report)
    }

    /// The model that the run began with.
    fn reference(&self) -> Result<Decoder, ModelError> {
        let model = &self.learner.model;
        if model.adapter().is_some() {
            return Ok(model.without_adapter());
        }
        Decoder::load_as(&self.base, (self.compute.kind, self.compute.device))
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

/// What this rank has if no rank failed, or an error on all ranks.
fn agree<T>(ranks: &mut Ranks, mine: Result<T, ModelError>) -> Result<T, TrainerError> {
    match ranks.failure(mine.as_ref().err().map(ToString::to_string))? {
        Some(failure) if mine.is_ok() => {
            Err(TrainerError::Elsewhere { rank: failure.rank, error: failure.error })
        }
        _ => Ok(mine?),
    }
}

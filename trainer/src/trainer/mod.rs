//! The trainer: one policy, its versions on disk, one update after another, on one rank or on
//! several.
//!
//! A step that fails changes nothing: the last version is loaded again from disk, so that the next
//! request finds weights and optimizer as they were.

mod error;

use std::path::{Path, PathBuf};
use std::time::Duration;

use retrial_native::torch::attempt;
use retrial_protocol::{
    ScoreRequest, ScoreResponse, TrainReport, TrainRequest, TrainerState, VersionKind,
    WeightVersion,
};

use crate::compute::Compute;
use crate::fault::{Fault, Point};
use crate::model::lora::NewAdapter;
use crate::model::{Decoder, ModelError};
use crate::publish;
use crate::ranks::{Order, Ranks};
use crate::update::{Learner, logprobs};
use crate::versions::{Record, Versions, attempt_at};

pub use error::{TrainerError, Unusable};

/// Tokens of one forward pass when sequences are scored.
const SCORE_TOKENS: usize = 4096;

/// A policy that is trained step by step.
pub struct Trainer {
    versions: Versions,
    /// None if a step failed and the last version could not be loaded again.
    policy: Option<Policy>,
    base: PathBuf,
    compute: Compute,
    fault: Option<Fault>,
    ranks: Ranks,
}

/// The policy and its version.
struct Policy {
    learner: Learner,
    record: Record,
}

impl Trainer {
    /// Loads the latest version in `folder`, or starts there from the model in `base`. With an
    /// adapter only the adapter is trained.
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

    /// Opens it on one of several ranks, which must all see the folders.
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
            Ok::<_, ModelError>((versions, Policy { learner, record }))
        };
        let (versions, policy) = agree(&mut ranks, open())?;
        let (policy, base) = (Some(policy), base.into());
        Self { versions, policy, base, compute, fault, ranks }.at_one_version()
    }

    /// Fails if another rank has another version.
    fn at_one_version(mut self) -> Result<Self, TrainerError> {
        let versions = self.ranks.concat(&[self.policy().record.version.0 as f64])?;
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

    /// Follows the leader's orders until the order to end.
    pub fn follow(&mut self) -> Result<(), TrainerError> {
        loop {
            match self.ranks.receive()? {
                Order::Wait => {}
                Order::End => return Ok(()),
                Order::Train(request) => match self.take(&request) {
                    Ok(_) => {}
                    Err(error) if self.unusable().is_none() => {
                        tracing::warn!(step = request.step.0, %error, "a step was not taken");
                    }
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// Why it cannot continue, if it cannot. Nothing else may be called then.
    pub fn unusable(&self) -> Option<Unusable> {
        if self.policy.is_none() {
            Some(Unusable::NoPolicy)
        } else if !self.ranks.are_whole() {
            Some(Unusable::RanksLost)
        } else {
            None
        }
    }

    fn policy(&self) -> &Policy {
        self.policy.as_ref().expect("nothing is asked of a trainer without a policy")
    }

    /// Interval at which [`Self::beat`] must be called.
    pub fn pulse(&self) -> Duration {
        self.ranks.beat()
    }

    /// Sends a keep-alive to the other ranks, and notices if one is missing.
    pub fn beat(&mut self) -> Result<(), TrainerError> {
        Ok(self.ranks.tell_to_wait()?)
    }

    /// Tells the other ranks to end.
    pub fn end(mut self) -> Result<(), TrainerError> {
        Ok(self.ranks.tell_to_end()?)
    }

    /// The state of the trainer.
    pub fn state(&self) -> TrainerState {
        let Policy { learner, record } = self.policy();
        let config = learner.model.config();
        TrainerState {
            version: record.version,
            damaged: self.versions.damaged().filter(|damaged| *damaged > record.version),
            folder: self.folder(),
            kind: match learner.model.adapter() {
                None => VersionKind::Model,
                Some(_) => VersionKind::Adapter,
            },
            parameters: learner.model.size(),
            vocabulary: config.vocabulary as usize,
            context: config.context,
        }
    }

    /// Takes a step and writes the new version. A request that repeats the last step gets
    /// the recorded report.
    pub fn train(&mut self, request: &TrainRequest) -> Result<TrainReport, TrainerError> {
        let step = request.step;
        let batch = request.batch.digest();
        let record = &self.policy().record;
        if let Some(report) = record.report.as_ref().filter(|report| report.step == step) {
            return if report.batch == batch {
                Ok(report.clone())
            } else {
                Err(TrainerError::OtherBatch { step })
            };
        }
        let version = record.version;
        if version.next_step() != step {
            return Err(TrainerError::OutOfOrder { step, version });
        }
        self.ranks.tell_to_train(request)?;
        self.take(request)
    }

    /// Takes a step, on each rank.
    fn take(&mut self, request: &TrainRequest) -> Result<TrainReport, TrainerError> {
        let taken = attempt(|| {
            Fault::reached(self.fault, Point::BeforeTrain, request.step);
            self.update_and_save(request)
        });
        let taken = taken.unwrap_or_else(|error| {
            // The other ranks continue and wait for this one, wherever it failed.
            self.ranks.leave();
            Err(TrainerError::Torch { during: "the step was given up", error })
        });
        if taken.is_err() {
            // A test has made libtorch fail.
            self.fault = None;
            if self.ranks.are_whole() {
                self.go_back()?;
            }
        }
        taken
    }

    /// Loads the last version again, because the weights in memory may be partly updated.
    fn go_back(&mut self) -> Result<(), TrainerError> {
        // Dropped first, as there may be no room for both.
        self.policy = None;
        let loaded = self.versions.load(self.compute, self.ranks.place());
        match agree(&mut self.ranks, loaded) {
            Ok((learner, record)) => {
                self.policy = Some(Policy { learner, record });
                Ok(())
            }
            Err(error) => {
                self.ranks.leave();
                Err(error)
            }
        }
    }

    #[tracing::instrument(level = "error", name = "at", skip_all, fields(
        run = self.versions.run(), step = request.step.0, phase = "train"))]
    fn update_and_save(&mut self, request: &TrainRequest) -> Result<TrainReport, TrainerError> {
        let step = request.step;
        let folder = self.folder();
        let Self { policy, versions, ranks, fault, .. } = self;
        let Policy { learner, record } =
            policy.as_mut().expect("nothing is asked of a trainer without a policy");
        if request.objective.kl.is_some() && learner.reference.is_none() {
            let reference = reference(&learner.model, &self.base, self.compute);
            learner.reference = Some(agree(ranks, reference)?);
        }
        let metrics = learner.update_among(request, ranks, *fault)?;
        Fault::reached(*fault, Point::AfterTrain, step);
        let report = TrainReport {
            step,
            folder: versions.path(step.version()),
            batch: request.batch.digest(),
            metrics,
        };
        let new = Record {
            version: step.version(),
            optimizer_steps: learner.optimizer.steps(),
            entropy_coefficient: learner.entropy_coefficient,
            report: Some(report.clone()),
        };
        let place = ranks.place();
        versions.save_among(learner, &new, &folder, *fault, place, |mine| agree(ranks, mine))?;
        if place.leads() {
            tracing::info!(loss = report.metrics.loss, "a step was taken");
        }
        *record = new;
        Ok(report)
    }

    /// Log-probabilities of given sequences under the current weights, or under those of an older
    /// version, which are loaded for it.
    pub fn score(&self, request: &ScoreRequest) -> Result<ScoreResponse, TrainerError> {
        let Policy { learner, record } = self.policy();
        let config = learner.model.config();
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
        let version = request.version.unwrap_or(record.version);
        let older = if version == record.version { None } else { Some(self.older(version)?) };
        let model = older.as_ref().unwrap_or(&learner.model);
        let kind = self.compute.kind;
        let score = || logprobs(model, kind, &request.sequences, temperature, SCORE_TOKENS);
        let logprobs = attempt(score)
            .map_err(|error| TrainerError::Torch { during: "scoring failed", error })?;
        Ok(ScoreResponse { version, logprobs })
    }

    /// The weights of an older version.
    fn older(&self, version: WeightVersion) -> Result<Decoder, TrainerError> {
        if !self.versions.path(version).exists() {
            return Err(TrainerError::NoVersion { version });
        }
        Ok(self.versions.model(version, self.compute, self.ranks.place())?)
    }

    /// Checks that the current version's files are intact.
    pub fn check_files(&self) -> Result<(), ModelError> {
        let parameters = self.policy().learner.model.learned();
        let expected: Vec<(String, Vec<i64>)> =
            parameters.iter().map(|(name, tensor)| (name.clone(), tensor.size())).collect();
        publish::check_files(&self.folder(), &expected)
    }

    /// The folder of the version before, if it is still on disk.
    pub fn previous(&self) -> Option<PathBuf> {
        let before = self.policy().record.version.0.checked_sub(1)?;
        Some(self.versions.path(WeightVersion(before))).filter(|folder| folder.exists())
    }

    fn folder(&self) -> PathBuf {
        self.versions.path(self.policy().record.version)
    }
}

/// The initial model, whose weights are not trained.
fn reference(model: &Decoder, base: &Path, compute: Compute) -> Result<Decoder, ModelError> {
    attempt_at("take up", base, || match model.adapter() {
        Some(_) => Ok(model.without_adapter()),
        None => Decoder::load_as(base, (compute.kind, compute.device)),
    })
}

/// This rank's value if no rank failed, or an error on all ranks.
fn agree<T>(ranks: &mut Ranks, mine: Result<T, ModelError>) -> Result<T, TrainerError> {
    match ranks.failure(mine.as_ref().err().map(ToString::to_string))? {
        Some(failure) if mine.is_ok() => {
            Err(TrainerError::Elsewhere { rank: failure.rank, error: failure.error })
        }
        _ => Ok(mine?),
    }
}

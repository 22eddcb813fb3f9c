//! The context of a run's steps.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use retrial_config::Config;
use retrial_data::{DataSet, Task};
use retrial_domain::GradedRollout;
use retrial_live::Live;
use retrial_lte::Seed;
use retrial_protocol::{Step, WeightVersion};
use retrial_servers::{Outcome, SampleRequest};
use retrial_store::{RunId, Store};
use tokio::sync::SemaphorePermit;

use crate::evaluator::Set;
use crate::fault::CrashPoint;
use crate::grading::Grading;
use crate::order::problems_of;
use crate::prompts::Prompts;
use crate::spaces::Spaces;
use crate::supervisor::Supervisor;

/// The context of a run's steps.
pub struct Context {
    /// The configuration.
    pub config: Config,
    /// The random seed, from which all other seeds are derived.
    pub seed: Seed,
    /// Problems to train on.
    pub train: DataSet,
    /// Held-out sets.
    pub heldout: Vec<Set>,
    /// Makes prompts.
    pub prompts: Prompts,
    /// Policy servers and trainer.
    pub services: Supervisor,
    /// Judges training responses.
    pub grading: Grading,
    /// Judges responses to held-out problems.
    pub held_out_grading: Grading,
    /// Answer spaces of the problems.
    pub spaces: Spaces,
    /// The mistake log.
    pub store: Store,
    /// The run's key in it.
    pub id: RunId,
    /// The shared state for the dashboard.
    pub live: Arc<Live>,
    /// Where to crash on purpose.
    pub crash: Option<CrashPoint>,
}

/// A request for responses to a prompt.
pub struct Ask<'a> {
    /// Their judge.
    pub grading: &'a Grading,
    /// Prefix of their ids, followed by the position of each.
    pub name: String,
    /// The problem.
    pub task: &'a Arc<Task>,
    /// Token ids of the prompt.
    pub prompt: &'a [u32],
    /// Responses.
    pub n: u32,
    /// Seed of the request.
    pub seed: Seed,
    /// Sampling temperature.
    pub temperature: f64,
}

impl Context {
    /// The problems of a step.
    pub fn tasks_of(&self, step: Step) -> Vec<Arc<Task>> {
        let seed = self.seed.of_text("order");
        problems_of(step, self.config.rollout.problems, self.train.parts(), seed)
            .into_iter()
            .map(|position| Arc::new(self.train.task(position)))
            .collect()
    }

    /// Samples responses and has them judged, with the weights of `version` or, where servers had to be
    /// brought back, those that they came back with: see [`Supervisor::sample`]. The place is given back
    /// between sampling and judging.
    pub async fn rollouts(
        &self,
        version: WeightVersion,
        ask: Ask<'_>,
        place: Option<SemaphorePermit<'_>>,
    ) -> Result<Vec<GradedRollout>> {
        let request = SampleRequest {
            prompt: ask.prompt,
            n: ask.n,
            seed: ask.seed,
            max_tokens: self.config.rollout.max_tokens(),
            temperature: ask.temperature,
            top_p: 1.0,
            stop: &self.config.prompts.stop,
            // The version is that of the server that took the request.
            adapter: None,
        };
        let id = &ask.task.problem.id;
        let outcomes = self.services.sample(version, request).await;
        let (version, outcomes) = outcomes.with_context(|| format!("sampling problem {id}"))?;
        drop(place);
        let sampled = (0..).zip(outcomes).filter_map(|(index, outcome)| match outcome {
            Outcome::Sampled(sampled) => Some((index, sampled)),
            // It has no reward: the group is smaller by one. The pool has logged why.
            Outcome::GivenUp { .. } => None,
        });
        let sampled = sampled.collect();
        ask.grading.grade(&ask.name, ask.task, sampled, version).await
    }
}

//! What the steps of a run work with.

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

/// What the steps of a run work with.
pub struct Context {
    /// The configuration.
    pub config: Config,
    /// The random seed: what is drawn follows from it and from what it is drawn for.
    pub seed: Seed,
    /// Problems to train on.
    pub train: DataSet,
    /// Held-out sets.
    pub heldout: Vec<Set>,
    /// Writes prompts.
    pub prompts: Prompts,
    /// Policy servers and trainer.
    pub services: Supervisor,
    /// Has responses judged that are trained on.
    pub grading: Grading,
    /// The same of held-out problems.
    pub held_out_grading: Grading,
    /// How many answers problems can have.
    pub spaces: Spaces,
    /// The mistake log.
    pub store: Store,
    /// The run's key in it.
    pub id: RunId,
    /// What the dashboard shows of this moment.
    pub live: Arc<Live>,
    /// Where to crash on purpose.
    pub crash: Option<CrashPoint>,
}

/// Asks for responses to a prompt.
pub struct Ask<'a> {
    /// Who judges them.
    pub grading: &'a Grading,
    /// What they are called, less the position of each.
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
            // The server that takes the request knows.
            adapter: None,
        };
        let id = &ask.task.problem.id;
        let outcomes = self.services.sample(version, request).await;
        let (version, outcomes) = outcomes.with_context(|| format!("sampling problem {id}"))?;
        drop(place);
        let sampled = (0..).zip(outcomes).filter_map(|(index, outcome)| match outcome {
            Outcome::Sampled(sampled) => Some((index, sampled)),
            // It has no reward: the group is that much smaller. The pool has said why.
            Outcome::GivenUp { .. } => None,
        });
        let sampled = sampled.collect();
        ask.grading.grade(&ask.name, ask.task, sampled, version).await
    }
}

//! Collects the rollouts of a step: from the log or from a server, judged, into the
//! log. Clocks, the activity for the dashboard and crash points are here, so that the step
//! itself shows only the method.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use retrial_data::Task;
use retrial_domain::{GradedRollout, ProblemId, Trial};
use retrial_live::{Activity, Phase};
use retrial_protocol::{Step, WeightVersion};
use retrial_store::{HintRecord, LoggedRollouts, TrialRecord};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::Instrument as _;

use crate::context::{Ask, Context};
use crate::fault::{CrashPoint, Moment};
use crate::hints::Retry;
use crate::others::Others;
use crate::prompts::Prompt;
use crate::summary::Seconds;

/// The rollouts of one step.
pub struct Sampling<'a> {
    context: &'a Context,
    /// The step.
    pub step: Step,
    version: WeightVersion,
    /// What its problems tell each other.
    pub others: Others,
    /// The rollouts that the log already has.
    logged: Mutex<LoggedRollouts>,
    /// Permits, one for each first trial that is being sampled.
    places: Semaphore,
    begun: Instant,
    state: Mutex<State<'a>>,
}

/// Progress of the step.
struct State<'a> {
    first: Option<Activity<'a>>,
    second: Option<Activity<'a>>,
    /// Problems whose first trial is not over.
    first_left: usize,
    /// First trials sampled by this process, and half of those it must sample.
    sampled: usize,
    half: usize,
    /// Seconds until the end of the last first trial.
    first_seconds: f64,
}

impl<'a> Sampling<'a> {
    /// Enters a step and its problems into the log. They are sampled with the weights of `version`,
    /// except for those that an interrupted run has logged.
    pub async fn begin(
        context: &'a Context,
        step: Step,
        version: WeightVersion,
        problems: &[ProblemId],
    ) -> Result<Self> {
        context.store.begin_step(context.id, step, problems).await?;
        let logged = context.store.logged_rollouts(context.id, step).await?;
        let known = |id: &&ProblemId| logged.contains_key(&((*id).clone(), Trial::First));
        let missing = problems.len() - problems.iter().filter(known).count();
        let state = State {
            first: Some(context.live.enter(step, Phase::FirstTrial, missing)),
            second: None,
            first_left: problems.len(),
            sampled: 0,
            half: missing.div_ceil(2),
            first_seconds: 0.0,
        };
        CrashPoint::reached(context.crash, Moment::Begin, step);
        Ok(Self {
            context,
            step,
            version,
            others: Others::of(problems.len()),
            logged: Mutex::new(logged),
            places: Semaphore::new(context.services.concurrency()),
            begun: Instant::now(),
            state: Mutex::new(state),
        })
    }

    /// Waits until a problem may begin: at most as many first trials are sampled as servers accept requests.
    /// While one is judged another is sampled, and a second trial starts at once.
    pub async fn place(&self) -> Result<SemaphorePermit<'_>> {
        self.places.acquire().await.context("the step has ended")
    }

    /// The first trial of a problem: G graded rollouts.
    pub async fn first_trial(
        &self,
        task: &Arc<Task>,
        prompt: &Prompt,
        place: SemaphorePermit<'_>,
    ) -> Result<Vec<GradedRollout>> {
        let group = self.context.config.rollout.group;
        let (rollouts, sampled) =
            self.trial(Trial::First, task, prompt, group, Some(place)).await?;
        self.first_is_over(sampled);
        Ok(rollouts)
    }

    /// The second trial of a problem: its hint is logged, then it is sampled like the first.
    pub async fn second_trial(
        &self,
        task: &Arc<Task>,
        retry: &Retry,
        prompt: &Prompt,
    ) -> Result<Vec<GradedRollout>> {
        let Context { store, id, live, crash, config, .. } = self.context;
        let (problem, text) = (task.problem.id.clone(), prompt.text.clone());
        let Retry { trial, answer_space, .. } = retry;
        let (trial, answer_space) = (trial.clone(), *answer_space);
        let hint = HintRecord { problem, trial, prompt: text, answer_space };
        store.log_hints(*id, self.step, &[hint]).await?;
        CrashPoint::reached(*crash, Moment::Hints, self.step);
        self.state()
            .second
            .get_or_insert_with(|| live.enter(self.step, Phase::SecondTrial, 0))
            .expect_part();
        let extra = config.rollout.extra;
        let (rollouts, _) = self.trial(Trial::Second, task, prompt, extra, None).await?;
        if let Some(second) = &self.state().second {
            second.part_done();
        }
        Ok(rollouts)
    }

    /// Durations, once all problems are done.
    pub fn end(self) -> Seconds {
        let first_trial = self.state().first_seconds;
        CrashPoint::reached(self.context.crash, Moment::SecondTrial, self.step);
        let second_trial = self.begun.elapsed().as_secs_f64() - first_trial;
        Seconds { first_trial, second_trial, ..Seconds::default() }
    }

    /// The rollouts of a problem in a trial, and whether they had to be sampled.
    async fn trial(
        &self,
        trial: Trial,
        task: &Arc<Task>,
        prompt: &Prompt,
        n: u32,
        place: Option<SemaphorePermit<'_>>,
    ) -> Result<(Vec<GradedRollout>, bool)> {
        let Context { config, seed, store, id: run, live, .. } = self.context;
        let (step, id) = (self.step, &task.problem.id);
        if let Some(known) = self.logged().remove(&(id.clone(), trial)) {
            return Ok((known, false));
        }
        let word = trial.as_str();
        let ask = Ask {
            grading: &self.context.grading,
            name: format!("{}/{step}/{id}/{word}", config.run.name),
            task,
            prompt: &prompt.ids,
            n,
            seed: seed.of_text(word).of(step.0).of_text(&id.0),
            temperature: config.rollout.temperature,
        };
        let at = retrial_log::at(live.run(), step.0, Phase::from(trial).word());
        let sampled = self.context.rollouts(self.version, ask, place).instrument(at).await;
        let rollouts = sampled.with_context(|| format!("step {step}"))?;
        let prompt_tokens = prompt.ids.len();
        let record = TrialRecord { problem: id, trial, prompt_tokens, rollouts: &rollouts };
        store.log_rollouts(*run, step, &[record]).await?;
        Ok((rollouts, true))
    }

    fn first_is_over(&self, sampled: bool) {
        let Context { crash, .. } = self.context;
        let mut state = self.state();
        state.first_left -= 1;
        if sampled {
            state.sampled += 1;
            if let Some(first) = &state.first {
                first.part_done();
            }
            if state.sampled == state.half {
                CrashPoint::reached(*crash, Moment::HalfFirstTrial, self.step);
            }
        }
        if state.first_left == 0 {
            state.first = None;
            state.first_seconds = self.begun.elapsed().as_secs_f64();
            CrashPoint::reached(*crash, Moment::FirstTrial, self.step);
        }
    }

    fn logged(&self) -> MutexGuard<'_, HashMap<(ProblemId, Trial), Vec<GradedRollout>>> {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

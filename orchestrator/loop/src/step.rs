//! One step of LTE (arXiv 2510.26109), top to bottom.
//!
//! Where this differs from the paper, or the paper leaves it open:
//! - What is listed when no failure has an answer: see `retrial_lte::second_trial`.
//! - At most G - 1 failures are replaced unless configured otherwise: at G all rewards are equal
//!   and the rescue would teach nothing.
//! - With `[hint] memory = "run"` a hint also lists the wrong answers that the log has of the problem
//!   from earlier steps. The paper's, and the default, is the step's own.
//! - With `[hint] answers = "shuffled"`, a control, a hint lists wrong answers of other problems of the
//!   step; second trials begin when all first ones are over, then.
//! - A rollout whose verifier gave up has no reward: it is logged, and its group is
//!   smaller by one.
//! - If few answers are possible a hint lists none, if its list would say too much (`hints`).
//!
//! Problems do not wait for each other: a none-pass problem starts its second
//! trial at once. Everything is logged as it happens, and what is in the log is not done again: an
//! interrupted step continues where it was.
//!
//! With a staleness of one, the rollouts of the next step are collected while the trainer makes the
//! update, with the weights that are served then. No rollout is in flight while weights are pushed,
//! so each one has a single version, and equal runs stay equal.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use retrial_data::Task;
use retrial_domain::ProblemId;
use retrial_live::Phase;
use retrial_lte::{Method, guide, refine};
use retrial_protocol::{Batch, Step, TrainReport, TrainRequest, WeightVersion};

use crate::context::Context;
use crate::fault::{CrashPoint, Moment};
use crate::group::{Group, Second, with_reward};
use crate::hints;
use crate::reward::reward;
use crate::sampling::Sampling;
use crate::solution;
use crate::summary::{Seconds, StepSummary, Weights};
use crate::verification::{self, Checked};

/// The rollouts of a step, graded, with durations.
pub struct Collected {
    step: Step,
    groups: Vec<Group>,
    seconds: Seconds,
}

/// Takes a step whose rollouts may have been collected ahead: trains, publishes, commits. Returns
/// the rollouts that were collected ahead for the next one.
pub async fn step(
    context: &Context,
    step: Step,
    collected: Option<Collected>,
) -> Result<(StepSummary, Option<Collected>)> {
    // One version newer than the step's base only if the step is repeated from the log.
    let served = context.services.version().context("no weights have been pushed")?;
    let mut collected = match collected {
        Some(collected) => collected,
        None => collect(context, step, served).await?,
    };
    let mut again = 0;
    let checked = loop {
        match verification::verify(context, step, &collected.groups, again).await? {
            Some(checked) => break checked,
            None => collected = collect(context, step, served).await?,
        }
        again += 1;
    };
    let next = Step(step.0 + 1);
    let config = &context.config;
    let ahead = config.rollout.max_staleness > 0 && next.0 <= config.run.steps;
    let collect_ahead =
        async { if ahead { collect(context, next, served).await.map(Some) } else { Ok(None) } };
    let (trained, ahead) = tokio::try_join!(train(context, &collected), collect_ahead)?;
    let summary = publish(context, collected, trained, &checked).await?;
    Ok((summary, ahead))
}

/// The rollouts of a step, sampled with the weights of `served`: its problems, in parallel.
async fn collect(context: &Context, step: Step, served: WeightVersion) -> Result<Collected> {
    let tasks = context.tasks_of(step);
    let ids: Vec<ProblemId> = tasks.iter().map(|task| task.problem.id.clone()).collect();
    let sampling = Sampling::begin(context, step, served, &ids).await?;
    let problems = tasks.iter().map(|task| problem(context, &sampling, step, task));
    let groups = try_join_all(problems).await?;
    Ok(Collected { step, groups, seconds: sampling.end() })
}

/// One problem in a step: section 3 of the paper.
async fn problem(
    context: &Context,
    sampling: &Sampling<'_>,
    step: Step,
    task: &Arc<Task>,
) -> Result<Group> {
    let Context { config, prompts, seed, .. } = context;

    // 1. G rollouts of the problem with the ordinary prompt.
    let place = sampling.place().await?;
    let prompt = prompts.plain(task)?;
    let first = sampling.first_trial(task, &prompt, place).await?;
    let mut given_up = (config.rollout.group as usize).saturating_sub(first.len());
    let mut answered = first.len();
    let first = with_reward(first);

    // 2. and 3. A none-pass problem gets a second trial, hinted with its own wrong answers.
    let second =
        match hints::retry(context, (sampling.step, &sampling.others), task, &first).await? {
            None => None,
            Some(mut retry) => {
                let (trial, hinted) = prompts.hinted(task, retry.trial)?;
                retry.trial = trial;
                // 4. Extra rollouts from the same policy, on the hinted prompt.
                let extra = sampling.second_trial(task, &retry, &hinted).await?;
                given_up += (config.rollout.extra as usize).saturating_sub(extra.len());
                answered += extra.len();
                Some(Second { retry, extra: with_reward(extra) })
            }
        };

    // 5. Correct extra rollouts replace failures at random; the group keeps its size.
    let seed = seed.of_text("refine").of(step.0).of_text(&task.problem.id.0);
    let extra = second.as_ref().map_or(&[][..], |second| &second.extra);
    let max = config.rollout.max_replacements;
    let members = match config.run.method {
        Method::Gold => {
            guide(&first, Arc::new(solution::rollout(&prompts.text, task)?), reward, seed)
        }
        Method::Lte | Method::Grpo | Method::GrpoExtra => refine(&first, extra, reward, max, seed),
    };
    let unjudged = answered - first.len() - extra.len();
    let (problem, prompt) = (task.problem.id.clone(), prompt.ids);
    Ok(Group { problem, prompt, first, second, members, given_up, unjudged })
}

/// The result of an update: the trainer's report, and its duration in seconds.
struct Trained {
    report: TrainReport,
    seconds: f64,
}

/// One mixed-policy update.
#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = context.live.run(), step = collected.step.0, phase = Phase::Train.word()))]
async fn train(context: &Context, collected: &Collected) -> Result<Trained> {
    let Context { config, .. } = context;
    let Collected { step, groups, .. } = collected;
    let _activity = context.live.enter(*step, Phase::Train, 0);
    let clock = Instant::now();
    // 6. and 7. Every response against the un-hinted prompt, advantages over the refined group.
    let samples = groups.iter().flat_map(|group| group.samples(config)).collect();
    let request = TrainRequest {
        step: *step,
        batch: Batch { samples },
        temperature: config.rollout.temperature,
        objective: config.objective(),
        optimizer: config.optimizer.clone(),
        micro_batch_tokens: config.trainer.micro_batch_tokens,
    };
    // Weights must never be trained on rollouts that a power failure removes from the log.
    context.store.sync().await?;
    let report = context.services.train(&request).await?;
    CrashPoint::reached(context.crash, Moment::Train, *step);
    Ok(Trained { report, seconds: clock.elapsed().as_secs_f64() })
}

/// Pushes the new weights to the servers with verification, and commits the step to the log.
#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = context.live.run(), step = collected.step.0, phase = Phase::Publish.word()))]
async fn publish(
    context: &Context,
    collected: Collected,
    trained: Trained,
    checked: &Checked,
) -> Result<StepSummary> {
    let Collected { step, groups, mut seconds } = collected;
    let services = &context.services;
    seconds.train = trained.seconds;
    let activity = context.live.enter(step, Phase::Publish, 0);
    let clock = Instant::now();
    let pushed = services.publish(step.version(), checked.before.as_ref()).await?;
    services.compare_logprobs(pushed.version).await?;
    seconds.publish = clock.elapsed().as_secs_f64();
    drop(activity);
    CrashPoint::reached(context.crash, Moment::Publish, step);

    let folder = context.config.weights().join(step.version().folder());
    let wrong = services.suspicions.take_wrong_weights();
    let weights = Weights { evidence: checked.evidence, wrong };
    let summary = StepSummary::new(step, &groups, trained.report.metrics, weights, seconds);
    let record = summary.record(&groups, &folder, &pushed);
    context.store.commit_step(context.id, step, &record).await?;
    CrashPoint::reached(context.crash, Moment::Commit, step);
    Ok(summary)
}

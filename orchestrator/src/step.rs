//! One step of LTE (arXiv 2510.26109), top to bottom.
//!
//! Where this differs from the paper, or the paper leaves it open:
//! - What is listed when no failure has an answer: see `retrial_lte::second_trial`.
//! - At most G - 1 failures are replaced unless configured otherwise: at G all rewards are equal
//!   and the rescue would teach nothing.
//! - With `[hint] memory = "run"` a hint also lists the wrong answers that the log has of the problem
//!   from earlier steps. The paper's, and the default, is the step's own.
//! - A rollout that the grader gave up on has no reward: it is logged, and its group is that much
//!   smaller.
//!
//! Everything is logged as it happens, and what is in the log is not done again: a step that was
//! interrupted at any point goes on from there.
//!
//! With a staleness of one, the rollouts of the next step are collected while the trainer makes the
//! update, with the weights that are served then. No rollout is under way while weights are pushed,
//! so each one has a single version, and equal runs stay equal.

use std::time::Instant;

use anyhow::{Context as _, Result};
use retrial_grader::Verdict;
use retrial_lte::{
    Attempt, GroupOutcome, HintKind, Member, Memory, Method, Overlong, Response, Reward,
    SecondTrial, Spread, advantages, guide, refine, samples, second_trial,
};
use retrial_protocol::{Batch, Loss, Sample, Step, TrainReport, TrainRequest, WeightVersion};

use crate::config::{Config, RolloutConfig};
use crate::domain::{FinishReason, GradedRollout, ProblemId, Trial};
use crate::fault::{CrashPoint, Moment};
use crate::live::Phase;
use crate::rollouts::{self, Ask};
use crate::run::Run;
use crate::store::HintRecord;
use crate::summary::{Seconds, StepSummary};

/// A problem's part of a step, once both trials are over.
pub struct Group {
    /// The graded rollouts of the first trial.
    pub first: Vec<GradedRollout>,
    /// How the second trial was asked for, if there was one.
    pub second: Option<SecondTrial>,
    /// The graded rollouts of the second trial.
    pub extra: Vec<GradedRollout>,
    /// The data set's own solution, where the method uses it.
    pub solution: Option<GradedRollout>,
    /// The refined group.
    pub members: Vec<Member>,
}

/// The rollouts of a step, graded, and what is to be learnt from them.
pub struct Collected {
    step: Step,
    ids: Vec<ProblemId>,
    groups: Vec<Group>,
    batch: Batch,
    seconds: Seconds,
}

/// Takes a step whose rollouts may have been collected ahead: trains, publishes, commits. Returns
/// what was collected ahead of the next one.
pub async fn step(
    run: &Run,
    step: Step,
    collected: Option<Collected>,
) -> Result<(StepSummary, Option<Collected>)> {
    // One version newer than the step's base only if the step is repeated out of the log.
    let served = run.pool.version().context("no weights have been pushed")?;
    let mut collected = match collected {
        Some(collected) => collected,
        None => collect(run, step, served).await?,
    };
    let batch = std::mem::take(&mut collected.batch);
    let next = Step(step.0 + 1);
    let ahead = run.config.rollout.max_staleness > 0 && next.0 <= run.config.run.steps;
    let collect_ahead =
        async { if ahead { collect(run, next, served).await.map(Some) } else { Ok(None) } };
    let ((report, train_seconds), ahead) =
        tokio::try_join!(train(run, step, batch), collect_ahead)?;
    let summary = publish(run, collected, report, train_seconds).await?;
    Ok((summary, ahead))
}

/// Samples with the weights of `served`, grades, hints, samples again, refines.
async fn collect(run: &Run, step: Step, served: WeightVersion) -> Result<Collected> {
    let mut seconds = Seconds::default();
    let tasks = run.tasks_of(step);
    let ids: Vec<_> = tasks.iter().map(|task| task.problem.id.clone()).collect();
    run.store.begin_step(run.id, step, &ids).await?;
    let logged = run.store.logged_rollouts(run.id, step).await?;
    CrashPoint::reached(run.crash, Moment::Begin, step);

    // 1. G rollouts of each problem.
    let clock = Instant::now();
    let prompts = tasks
        .iter()
        .map(|task| run.prompt(task, HintKind::Plain, &[]))
        .collect::<Result<Vec<_>>>()?;
    let asks: Vec<Ask<'_>> = tasks
        .iter()
        .zip(&prompts)
        .map(|(task, prompt)| Ask { task, prompt: prompt.ids.clone(), n: run.config.rollout.group })
        .collect();
    let first = rollouts::trial(run, step, served, Trial::First, &asks, &logged).await?;
    seconds.first_trial = clock.elapsed().as_secs_f64();
    CrashPoint::reached(run.crash, Moment::FirstTrial, step);

    // 2. and 3. A none-pass problem gets a second trial, warned of its own wrong answers.
    let clock = Instant::now();
    let mut second = Vec::with_capacity(tasks.len());
    let (mut hints, mut asks) = (Vec::new(), Vec::new());
    for (task, group) in tasks.iter().copied().zip(&first) {
        let method = run.config.run.method;
        let trial = second_trial(method, &attempts(group), retrial_grader::equivalent);
        let Some(trial) = trial else {
            second.push(None);
            continue;
        };
        let trial = remembering(run, step, &task.problem.id, trial).await?;
        let (trial, prompt) = run.second_prompt(task, trial)?;
        let (problem, prompt_text) = (task.problem.id.clone(), prompt.text);
        hints.push(HintRecord { problem, trial: trial.clone(), prompt: prompt_text });
        asks.push(Ask { task, prompt: prompt.ids, n: run.config.rollout.extra });
        second.push(Some(trial));
    }
    run.store.log_hints(run.id, step, &hints).await?;
    CrashPoint::reached(run.crash, Moment::Hints, step);

    // 4. Extra rollouts from the same policy, on the hinted prompt.
    let hinted = rollouts::trial(run, step, served, Trial::Second, &asks, &logged).await?;
    let mut hinted = hinted.into_iter();
    seconds.second_trial = clock.elapsed().as_secs_f64();
    CrashPoint::reached(run.crash, Moment::SecondTrial, step);

    // 5. Correct extra rollouts replace failures at random; the group keeps its size.
    let groups: Vec<Group> = first
        .into_iter()
        .zip(second)
        .zip(&tasks)
        .map(|((first, second), task)| {
            let extra = second.as_ref().and_then(|_| hinted.next()).unwrap_or_default();
            let (first, extra) = (gradable(first), gradable(extra));
            let seed = run.seed.of_text("refine").of(step.0).of_text(&task.problem.id.0);
            let max = run.config.rollout.max_replacements;
            let solution = run.solution(task, served)?;
            let members = match solution {
                Some(_) => guide(&rewards(&first), seed),
                None => refine(&rewards(&first), &rewards(&extra), max, seed),
            };
            anyhow::Ok(Group { first, second, extra, solution, members })
        })
        .collect::<Result<_>>()?;

    // 6. and 7. Every response against the un-hinted prompt, advantages over the refined group.
    let batch = Batch {
        samples: groups
            .iter()
            .zip(&prompts)
            .flat_map(|(group, prompt)| group.samples(&prompt.ids, &run.config))
            .collect(),
    };

    Ok(Collected { step, ids, groups, batch, seconds })
}

/// One mixed-policy update, and the seconds that it took.
#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = run.live.run(), step = step.0, phase = Phase::Train.word()))]
async fn train(run: &Run, step: Step, batch: Batch) -> Result<(TrainReport, f64)> {
    let _activity = run.live.enter(step, Phase::Train, 0);
    let clock = Instant::now();
    let request = TrainRequest {
        step,
        batch,
        temperature: run.config.rollout.temperature,
        objective: run.config.objective(),
        optimizer: run.config.optimizer.clone(),
        micro_batch_tokens: run.config.trainer.micro_batch_tokens,
    };
    // Weights must never have learned from rollouts that a power cut takes out of the log.
    run.store.sync().await?;
    let report = run.train(&request).await?;
    CrashPoint::reached(run.crash, Moment::Train, step);
    Ok((report, clock.elapsed().as_secs_f64()))
}

/// The new weights go to the servers, which are seen to serve them, and the step into the log.
#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = run.live.run(), step = collected.step.0, phase = Phase::Publish.word()))]
async fn publish(
    run: &Run,
    collected: Collected,
    report: TrainReport,
    train_seconds: f64,
) -> Result<StepSummary> {
    let Collected { step, ids, groups, mut seconds, .. } = collected;
    seconds.train = train_seconds;
    let activity = run.live.enter(step, Phase::Publish, 0);
    let clock = Instant::now();
    let pushed = run.publish(step.version()).await?;
    seconds.publish = clock.elapsed().as_secs_f64();
    drop(activity);
    CrashPoint::reached(run.crash, Moment::Publish, step);

    let folder = run.config.weights().join(step.version().folder());
    let summary = StepSummary::new(step, &groups, report.metrics, seconds);
    run.store.commit_step(run.id, step, &summary.record(&ids, &groups, &folder, &pushed)).await?;
    CrashPoint::reached(run.crash, Moment::Commit, step);
    Ok(summary)
}

impl Group {
    /// Rewards of the refined group.
    pub fn rewards(&self) -> Vec<Reward> {
        self.members.iter().map(|member| reward(self.rollout(member))).collect()
    }

    /// How the first trial ended.
    pub fn before(&self) -> GroupOutcome {
        GroupOutcome::of(&rewards(&self.first))
    }

    /// How the refined group stands.
    pub fn after(&self) -> GroupOutcome {
        GroupOutcome::of(&self.rewards())
    }

    fn rollout(&self, member: &Member) -> &GradedRollout {
        match *member {
            Member::First(position) => &self.first[position],
            Member::Extra(position) => &self.extra[position],
            Member::Solution => self.solution.as_ref().expect("the group was given one"),
        }
    }

    fn samples(&self, prompt: &[u32], config: &Config) -> Vec<Sample> {
        let kind = self.second.as_ref().map_or(HintKind::Plain, |second| second.kind);
        let (first, extra) = (responses(&self.first), responses(&self.extra));
        let advantages = self.advantages(config);
        if config.rollout.dynamic_sampling && advantages.iter().all(|&a| a == 0.0) {
            return Vec::new();
        }
        let solution = self.solution.as_ref().map(response);
        let all = samples(prompt, &self.members, &advantages, &first, &extra, kind, solution);
        let filtered = config.rollout.overlong == Overlong::Filter;
        let learned_from = |member: &Member| {
            !(filtered && self.rollout(member).rollout.finish == FinishReason::Length)
        };
        let with_members = all.into_iter().zip(&self.members);
        with_members.filter(|(_, member)| learned_from(member)).map(|(sample, _)| sample).collect()
    }

    fn advantages(&self, config: &Config) -> Vec<f32> {
        let RolloutConfig { overlong, max_tokens, .. } = config.rollout;
        let value = |member: &Member| {
            let graded = self.rollout(member);
            let length = graded.rollout.tokens.len();
            reward(graded).value() - overlong.punishment(length, max_tokens)
        };
        let spread = match config.objective.loss {
            Loss::DrGrpo => Spread::Kept,
            _ => Spread::Divided,
        };
        advantages(&self.members.iter().map(value).collect::<Vec<_>>(), spread)
    }
}

/// The hint with what the log remembers of earlier steps, if it is to.
async fn remembering(
    run: &Run,
    step: Step,
    problem: &ProblemId,
    trial: SecondTrial,
) -> Result<SecondTrial> {
    if run.config.hint.memory == Memory::Step || run.config.run.method != Method::Lte {
        return Ok(trial);
    }
    let earlier = run.store.wrong_answers_before(run.id, step, problem).await?;
    // No longer than a group alone could make it.
    let most = run.config.rollout.group as usize;
    Ok(trial.remembering(earlier, most, retrial_grader::equivalent))
}

fn attempts(group: &[GradedRollout]) -> Vec<Attempt> {
    group
        .iter()
        .filter(|graded| graded.verdict != Verdict::Timeout)
        .map(|graded| Attempt {
            reward: reward(graded),
            truncated: graded.rollout.finish == FinishReason::Length,
            answer: graded.answer.as_ref().map(|answer| answer.text.clone()),
        })
        .collect()
}

/// Those that have a reward.
fn gradable(mut group: Vec<GradedRollout>) -> Vec<GradedRollout> {
    group.retain(|graded| graded.verdict != Verdict::Timeout);
    group
}

fn reward(graded: &GradedRollout) -> Reward {
    match graded.verdict {
        Verdict::Correct => Reward::Pass,
        _ => Reward::Fail,
    }
}

fn rewards(group: &[GradedRollout]) -> Vec<Reward> {
    group.iter().map(reward).collect()
}

fn responses(group: &[GradedRollout]) -> Vec<Response<'_>> {
    group.iter().map(response).collect()
}

fn response(GradedRollout { rollout, .. }: &GradedRollout) -> Response<'_> {
    Response { tokens: &rollout.tokens, logprobs: &rollout.logprobs }
}

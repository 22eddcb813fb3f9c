//! One trial of a step: rollouts out of the log or from the server, graded, into the log.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use retrial_grader::{Extraction, Verdict, grade};
use retrial_lte::Seed;
use retrial_protocol::{Step, WeightVersion};
use retrial_text::Text;

use crate::dataset::Task;
use crate::domain::{FinishReason, GradedRollout, Rollout, Trial};
use crate::fault::{CrashPoint, Moment};
use crate::live::Phase;
use crate::run::Run;
use crate::server::{SampleRequest, Sampled};
use crate::store::{LoggedRollouts, TrialRecord};

/// Asks for the rollouts of a problem in a trial.
pub struct Ask<'a> {
    /// The problem.
    pub task: &'a Task,
    /// Token ids of the prompt they are sampled on.
    pub prompt: Vec<u32>,
    /// How many.
    pub n: u32,
}

/// The graded rollouts of each ask, in its order, sampled with the weights of `version`.
///
/// What an interrupted run has logged already is used as it is; the rest is sampled, with as many
/// requests in flight as the configuration allows, and each group is logged as soon as it is
/// complete.
#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = run.live.run(), step = step.0, phase = Phase::from(trial).word()))]
pub async fn trial(
    run: &Run,
    step: Step,
    version: WeightVersion,
    trial: Trial,
    asks: &[Ask<'_>],
    logged: &LoggedRollouts,
) -> Result<Vec<Vec<GradedRollout>>> {
    let mut groups: Vec<Option<Vec<GradedRollout>>> =
        asks.iter().map(|ask| logged.get(&(ask.task.problem.id.clone(), trial)).cloned()).collect();
    let missing: Vec<usize> = (0..asks.len()).filter(|&i| groups[i].is_none()).collect();
    let half = missing.len().div_ceil(2);
    let activity = run.live.enter(step, trial.into(), missing.len());

    let mut sampled = stream::iter(missing)
        .map(|index| async move {
            let ask = &asks[index];
            let group = group(run, step, version, trial, ask).await?;
            let record = TrialRecord {
                problem: &ask.task.problem.id,
                trial,
                prompt_tokens: ask.prompt.len(),
                rollouts: &group,
            };
            run.store.log_rollouts(run.id, step, &[record]).await?;
            anyhow::Ok((index, group))
        })
        .buffer_unordered(run.pool.concurrency());
    let mut done = 0;
    while let Some((index, group)) = sampled.try_next().await? {
        groups[index] = Some(group);
        done += 1;
        activity.part_done();
        if trial == Trial::First && done == half {
            CrashPoint::reached(run.crash, Moment::HalfFirstTrial, step);
        }
    }
    groups.into_iter().map(|group| group.context("a group was not sampled")).collect()
}

async fn group(
    run: &Run,
    step: Step,
    version: WeightVersion,
    trial: Trial,
    ask: &Ask<'_>,
) -> Result<Vec<GradedRollout>> {
    let id = &ask.task.problem.id;
    let seed = run.seed.of_text(trial.as_str()).of(step.0).of_text(&id.0);
    let (version, sampled) = sample(run, ask, version, seed, run.config.rollout.temperature)
        .await
        .with_context(|| format!("sampling problem {id} of step {step}"))?;
    graded(&run.text, ask.task, sampled, version, Extraction::Boxed)
}

/// Responses to a prompt, as many as asked for, sampled with the weights of `version`, and the
/// version that did sample them: see [`Run::sample`].
pub async fn sample(
    run: &Run,
    ask: &Ask<'_>,
    version: WeightVersion,
    seed: Seed,
    temperature: f64,
) -> Result<(WeightVersion, Vec<Sampled>)> {
    let request = SampleRequest {
        prompt: &ask.prompt,
        n: ask.n,
        seed,
        max_tokens: run.config.rollout.max_tokens,
        temperature,
        top_p: 1.0,
        // The server that takes the request knows.
        adapter: None,
    };
    run.sample(version, request).await
}

/// Grades responses by their text, which is the text of the sampled ids.
pub fn graded(
    words: &Text,
    task: &Task,
    sampled: Vec<Sampled>,
    version: WeightVersion,
    extraction: Extraction,
) -> Result<Vec<GradedRollout>> {
    (0..)
        .zip(sampled)
        .map(|(index, Sampled { tokens, logprobs, finish, .. })| {
            let text = words.decode(&tokens)?;
            let (verdict, answer) = match finish {
                // A response that was cut has not answered, whatever it boxed on its way.
                FinishReason::Length => (Verdict::NoAnswer, None),
                FinishReason::Stop => {
                    let grade = grade(&task.gold, &text, extraction);
                    (grade.verdict, grade.answer)
                }
            };
            let rollout = Rollout { index, tokens, logprobs, text, finish, version };
            Ok(GradedRollout { rollout, verdict, answer })
        })
        .collect()
}

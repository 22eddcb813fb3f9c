//! The loop over the steps of a run.

use anyhow::Result;
use retrial_protocol::{Metric, Step, WeightVersion};

use crate::card;
use crate::context::Context;
use crate::evaluate::{Scores, evaluate};
use crate::failure::Failure;
use crate::interventions::{self, Next};
use crate::open::Run;
use crate::progress::Progress;
use crate::report::final_table;
use crate::step::step;
use crate::stop::Stop;
use crate::worry::{Worries, Worry};

/// Trains until the run has made its steps, has sampled its tokens, or is told to stop. Returns the
/// last version and the table of the run.
pub async fn train(
    run: &Run,
    stop: &Stop,
    progress: &mut Progress,
) -> Result<(WeightVersion, String), Failure> {
    let Run { context, done, .. } = run;
    let steps = context.config.run.steps;
    let mut ahead = None;
    let mut worries = Worries::default();
    let mut last = *done;
    for number in (done.0 + 1..=steps).map(Step) {
        let version = number.base();
        if let Next::End(by) = interventions::carry_out(context, version, stop, progress).await? {
            return Err(Failure::Interrupted { done: version, by });
        }
        if has_sampled_enough(context, number).await? {
            break;
        }
        last = number.version();
        if let Some(scores) = evaluate_if_due(context, version).await? {
            progress.evaluated(version, &scores);
        }
        let (summary, collected) = step(context, number, ahead).await?;
        ahead = collected;
        progress.stepped(&summary);
        if let Some((worry, steps)) = worries.next(Worry::of(&summary)) {
            tracing::warn!(step = summary.step.0, "for {steps} steps now {worry}");
        }
    }
    let scores = evaluate(context, last).await?;
    progress.evaluated(last, &scores);
    let table = final_table(context, last).await?;
    // The versions may be on a disk that only the trainer can write to.
    if let Err(error) = card::write(context, last, &table).await {
        tracing::info!("the run has no model card beside its versions: {error:#}");
    }
    Ok((last, table))
}

/// Whether the run has used up its tokens before a step, including those of a step that is
/// repeated.
async fn has_sampled_enough(context: &Context, next: Step) -> Result<bool> {
    let Some(limit) = context.config.run.max_tokens else { return Ok(false) };
    if context.store.last_committed_step(context.id).await?.is_some_and(|last| last >= next) {
        return Ok(false);
    }
    let sums = context.store.metric_sums(context.id).await?;
    let tokens =
        [Metric::FirstTrialTokens, Metric::SecondTrialTokens].map(|metric| sums.get(metric.name()));
    Ok(tokens.into_iter().flatten().sum::<f64>() >= limit as f64)
}

async fn evaluate_if_due(context: &Context, version: WeightVersion) -> Result<Option<Scores>> {
    let every = context.config.evaluation.every;
    let due = version.0 == 0 || (every > 0 && version.0.is_multiple_of(every));
    if due { Ok(Some(evaluate(context, version).await?)) } else { Ok(None) }
}

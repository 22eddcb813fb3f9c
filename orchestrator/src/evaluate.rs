//! Held-out evaluation: Pass@1 and unbiased Pass@k.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use futures::{StreamExt, TryStreamExt, stream};
use retrial_grader::Extraction;
use retrial_protocol::{Step, WeightVersion};

use crate::context::{Ask, Context};
use crate::dataset::Task;
use crate::domain::{GradedRollout, ProblemId};
use crate::live::Phase;
use crate::store::EvalRecord;

pub use retrial_domain::{Score, Tally, mean, pass_at_k, standard_errors};

/// Scores by the name of the set.
pub type Scores = BTreeMap<String, Score>;

/// Evaluates every held-out set with the weights of `version`, or takes what the log has.
pub async fn evaluate(context: &Context, version: WeightVersion) -> Result<Scores> {
    let Context { store, id, .. } = context;
    let mut scores = Scores::new();
    for (name, tasks) in &context.heldout {
        if let Some(record) = store.evaluation(*id, version, name).await? {
            scores.insert(name.clone(), record.score);
            continue;
        }
        let samples = sample(context, version, name, tasks).await?;
        let score = Score::of(&samples, context.config.evaluation.k);
        let record = EvalRecord { score, samples };
        store.log_evaluation(*id, version, name, &record).await?;
        scores.insert(name.clone(), score);
    }
    Ok(scores)
}

#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = context.live.run(), step = version.0, phase = Phase::Evaluate.word()))]
async fn sample(
    context: &Context,
    version: WeightVersion,
    name: &str,
    tasks: &[Arc<Task>],
) -> Result<Vec<(ProblemId, Vec<GradedRollout>)>> {
    let evaluation = &context.config.evaluation;
    let activity = &context.live.enter(Step(version.0), Phase::Evaluate, tasks.len());
    // The same seeds at every version: what changes between two evaluations is the policy.
    let seed = context.seed.of_text("evaluation").of_text(name);
    stream::iter(tasks)
        .map(|task| async move {
            let id = task.problem.id.clone();
            let prompt = context.prompts.plain(&task.problem)?;
            let ask = Ask {
                task,
                prompt: &prompt.ids,
                n: evaluation.k,
                seed: seed.of_text(&id.0),
                temperature: evaluation.temperature,
                extraction: Extraction::Auto,
            };
            let graded = context.rollouts(version, ask).await;
            let graded = graded.with_context(|| format!("evaluating `{name}`"))?;
            activity.part_done();
            anyhow::Ok((id, graded))
        })
        .buffered(context.services.concurrency())
        .try_collect()
        .await
}

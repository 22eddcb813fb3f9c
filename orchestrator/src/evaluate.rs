//! Held-out evaluation: Pass@1 and unbiased Pass@k.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use retrial_grader::Extraction;
use retrial_lte::HintKind;
use retrial_protocol::{Step, WeightVersion};

use crate::dataset::Task;
use crate::domain::{GradedRollout, ProblemId};
use crate::live::Phase;
use crate::rollouts::{self, Ask};
use crate::run::Run;
use crate::store::EvalRecord;

pub use retrial_domain::{Score, Tally, mean, pass_at_k, standard_errors};

/// Scores by the name of the set.
pub type Scores = BTreeMap<String, Score>;

/// Evaluates every held-out set with the weights of `version`, or takes what the log has.
pub async fn evaluate(run: &Run, version: WeightVersion) -> Result<Scores> {
    let mut scores = Scores::new();
    for (name, tasks) in &run.heldout {
        if let Some(record) = run.store.evaluation(run.id, version, name).await? {
            scores.insert(name.clone(), record.score);
            continue;
        }
        let samples = sample(run, version, name, tasks).await?;
        let score = Score::of(&samples, run.config.evaluation.k);
        let record = EvalRecord { score, samples };
        run.store.log_evaluation(run.id, version, name, &record).await?;
        scores.insert(name.clone(), score);
    }
    Ok(scores)
}

#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = run.live.run(), step = version.0, phase = Phase::Evaluate.word()))]
async fn sample(
    run: &Run,
    version: WeightVersion,
    name: &str,
    tasks: &[Task],
) -> Result<Vec<(ProblemId, Vec<GradedRollout>)>> {
    let evaluation = &run.config.evaluation;
    let activity = &run.live.enter(Step(version.0), Phase::Evaluate, tasks.len());
    // The same seeds at every version: what changes between two evaluations is the policy.
    let seed = run.seed.of_text("evaluation").of_text(name);
    stream::iter(tasks)
        .map(|task| async move {
            let id = task.problem.id.clone();
            let prompt = run.prompt(task, HintKind::Plain, &[])?.ids;
            let ask = Ask { task, prompt, n: evaluation.k };
            let (version, sampled) =
                rollouts::sample(run, &ask, version, seed.of_text(&id.0), evaluation.temperature)
                    .await
                    .with_context(|| format!("evaluating problem {id} of `{name}`"))?;
            let graded = rollouts::graded(&run.text, task, sampled, version, Extraction::Auto)?;
            activity.part_done();
            anyhow::Ok((id, graded))
        })
        .buffered(run.pool.concurrency())
        .try_collect()
        .await
}

//! Held-out evaluation of a run's own versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use retrial_data::Task;
use retrial_domain::Score;
use retrial_live::Phase;
use retrial_protocol::{Step, WeightVersion};
use retrial_store::{EvalId, NewEval};
use serde_json::json;

use crate::context::{Ask, Context};
use crate::evaluator::{Done, Set, enter, evaluate_set};

/// Scores by the name of the set.
pub type Scores = BTreeMap<String, Score>;

/// Evaluates every held-out set with the weights of `version`, or takes the scores in the log.
pub async fn evaluate(context: &Context, version: WeightVersion) -> Result<Scores> {
    let Context { store, id, .. } = context;
    let mut scores = Scores::new();
    for set in &context.heldout {
        let known = store.evaluation(*id, version, set.name()).await?;
        let score = match known {
            Some(score) => score,
            None => evaluate_version(context, version, set).await?,
        };
        scores.insert(set.name().to_owned(), score);
    }
    Ok(scores)
}

#[tracing::instrument(level = "error", name = "at", skip_all, fields(
    run = context.live.run(), step = version.0, phase = Phase::Evaluate.word()))]
async fn evaluate_version(context: &Context, version: WeightVersion, set: &Set) -> Result<Score> {
    let Context { store, config, prompts, live, .. } = context;
    let (name, eval) = entry(context, version).await?;
    enter(store, eval, &name, set).await?;
    let activity = live.enter(Step(version.0), Phase::Evaluate, set.tasks.len());
    // The same seeds at every version, so that only the policy differs between evaluations.
    let seed = context.seed.of_text("evaluation").of_text(set.name());
    let sample = async |task: &Arc<Task>| {
        let prompt = prompts.plain(task)?;
        let id = &task.problem.id;
        let ask = Ask {
            grading: &context.held_out_grading,
            name: format!("{name}/{}/{id}", set.name()),
            task,
            prompt: &prompt.ids,
            n: set.entry.k,
            seed: seed.of_text(&id.0),
            temperature: config.evaluation.temperature,
        };
        context.rollouts(version, ask, None).await
    };
    let concurrency = context.services.concurrency();
    let progress = |done: Done| activity.at(done.problems);
    evaluate_set(store, eval, set, concurrency, sample, progress).await
}

/// The evaluation of a version in the log, and its name.
async fn entry(context: &Context, version: WeightVersion) -> Result<(String, EvalId)> {
    let Context { store, id, config, .. } = context;
    let name = format!("{}/{version}", config.run.name);
    if let Some(known) = store.eval_by_name(&name).await? {
        return Ok((name, known.id));
    }
    let weights = match version {
        WeightVersion(0) => config.model.path.to_string(),
        _ => config.weights().join(version.folder()).display().to_string(),
    };
    let eval = NewEval {
        name: &name,
        weights: &weights,
        settings: &json!({
            "temperature": config.evaluation.temperature,
            "top_p": 1.0,
            "max_tokens": config.rollout.max_tokens(),
            "seed": config.run.seed,
            "prompt": config.prompts.prompt,
        }),
        of: Some((*id, version)),
    };
    let id = store.create_eval(&eval).await?;
    Ok((name, id))
}

//! Opening an evaluation: its inputs and its entry in the log.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use retrial_config::difference;
use retrial_data::{Message, Problem};
use retrial_loop::evaluator::{Set, enter};
use retrial_loop::grading::Grading;
use retrial_loop::model::Model;
use retrial_loop::prompts::Prompts;
use retrial_store::{EvalId, NewEval, Store};
use retrial_verify::Verifiers;
use retrial_verify::sandbox::Launcher;
use serde_json::Value;

use super::plan::Plan;

/// Limit on the tokens of a response in the paper.
const MAX_TOKENS: usize = 8192;

/// An evaluation with its problems loaded, and its entry in the log.
pub(super) struct Eval {
    pub(super) plan: Plan,
    pub(super) store: Store,
    pub(super) id: EvalId,
    /// The model's folder on this machine.
    pub(super) folder: PathBuf,
    pub(super) prompts: Prompts,
    pub(super) grading: Grading,
    pub(super) max_tokens: usize,
    pub(super) sets: Vec<Set>,
}

/// Reads all inputs, and only then opens the log.
pub(super) async fn open(plan: Plan) -> Result<Eval> {
    plan.check()?;
    let model = plan.model()?;
    let (sets, longest) = load(&plan, &model)?;
    let room = model.context.saturating_sub(longest);
    let max_tokens = match plan.max_tokens {
        Some(asked) if asked > room => bail!(
            "the longest prompt has {longest} tokens and the model's context {}: there is no room \
             for responses of {asked}\nhint: --max-tokens {room}",
            model.context
        ),
        Some(asked) => asked,
        None if room == 0 => bail!(
            "the longest prompt has {longest} tokens, more than the model's context of {}",
            model.context
        ),
        None => MAX_TOKENS.min(room),
    };
    let verifiers = Verifiers::open(&plan.reward, &Launcher::this_program()).await?;
    let store = Store::open(&plan.database).await?;
    let settings = plan.settings(max_tokens);
    let id = find(&store, &plan, &model.source, &settings).await?;
    for set in &sets {
        enter(&store, id, &plan.name, set).await?;
    }
    let text = Arc::new(model.text);
    let templates = plan.prompts.templates();

    let prompts = Prompts { text: Arc::clone(&text), templates, longest };
    let grading = Grading::new(text, Arc::new(verifiers));
    let folder = model.folder;
    Ok(Eval { plan, store, id, folder, prompts, grading, max_tokens, sets })
}

/// The sets, and tokens of the longest prompt. They may be downloaded, so this runs on a blocking
/// thread.
fn load(plan: &Plan, model: &Model) -> Result<(Vec<Set>, usize)> {
    let templates = plan.prompts.templates();
    let mut longest = 0;
    let mut unreadable = None;
    let mut fits = |problem: &Problem, context: &[Message]| match model
        .prompt_tokens(&templates, problem, context)
    {
        Ok(tokens) => {
            longest = longest.max(tokens);
            Ok(())
        }
        Err(error) => {
            let said = format!("{error:#}");
            unreadable.get_or_insert(error);
            Err(said)
        }
    };
    let mut read =
        || plan.sets.iter().map(|set| set.load(plan.k, &plan.reward, &mut fits)).collect();
    let sets: Result<Vec<Set>> = tokio::task::block_in_place(&mut read);
    match unreadable {
        Some(error) => Err(error),
        None => Ok((sets?, longest)),
    }
}

/// The evaluation of this name, created if there is none.
async fn find(store: &Store, plan: &Plan, source: &str, settings: &Value) -> Result<EvalId> {
    let (name, weights) = (&plan.name, plan.weights.shown(source));
    let Some(logged) = store.eval_by_name(name).await? else {
        let eval = NewEval { name, weights: &weights, settings, of: None };
        return Ok(store.create_eval(&eval).await?);
    };
    let differs = if logged.weights == weights {
        difference(&logged.settings, settings)
    } else {
        format!("weights: {} -> {weights}", logged.weights)
    };
    if !differs.is_empty() {
        bail!(
            "the log has an evaluation `{name}` with other settings: {differs}\n\
             hint: undo the change, or choose another name with --name"
        );
    }
    Ok(logged.id)
}

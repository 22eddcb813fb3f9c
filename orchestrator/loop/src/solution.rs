//! A problem's own solution as a rollout, for method `gold`.

use anyhow::{Context as _, Result, bail};
use retrial_data::Task;
use retrial_domain::{FinishReason, GradedRollout, Judgement, Rollout};
use retrial_grader::{Extraction, Verdict, grade};
use retrial_protocol::WeightVersion;
use retrial_text::Text;

use crate::prompts::Prompts;

/// The solution of a problem as a correct rollout. Its log-probabilities are 0, so that the
/// denominator of its ratios is 1, as in LUFFY (arXiv 2504.14945).
pub fn rollout(text: &Text, task: &Task) -> Result<GradedRollout> {
    let solution = task.solution.as_deref().unwrap_or_default();
    let tokens = tokens(text, solution)?;
    let rollout = Rollout {
        index: 0,
        logprobs: vec![0.0; tokens.len()],
        tokens,
        text: solution.to_owned(),
        finish: FinishReason::Stop,
        // No weights sampled it.
        version: WeightVersion(0),
    };
    Ok(GradedRollout { rollout, judgement: Judgement::graded(Verdict::Correct, None) })
}

/// Checks that a problem has a right solution that fits into the context after its prompt.
/// With `by_grader` the solution must lead to the right answer.
pub fn check(prompts: &Prompts, context: usize, task: &Task, by_grader: bool) -> Result<()> {
    let id = &task.problem.id;
    let Some(solution) = &task.solution else {
        bail!(
            "problem `{id}` has no `solution`, which method `gold` needs\n\
             hint: method `lte` needs none"
        );
    };
    // Where another verifier decides, the grader may not read the right answer.
    if let Ok(gold) = task.gold()
        && by_grader
        && grade(&gold, solution, Extraction::Auto).verdict != Verdict::Correct
    {
        bail!("the solution of problem `{id}` does not lead to its answer");
    }
    let prompt = prompts.plain(task)?;
    let tokens = prompt.ids.len() + tokens(&prompts.text, solution)?.len();
    if tokens > context {
        bail!(
            "problem `{id}` and its solution have {tokens} tokens, more than the model's context \
             of {context}"
        );
    }
    Ok(())
}

/// The tokens of a solution, with the end token.
fn tokens(text: &Text, solution: &str) -> Result<Vec<u32>> {
    let mut ids = text.encode(solution).context("cannot encode a solution")?;
    ids.push(text.end_token().context("the tokenizer has no end token")?);
    Ok(ids)
}

//! The model's words and the problems: how many, how long, what was left out, and whether their
//! answers can be matched at all.

use retrial_config::Config;
use retrial_data::DataSet;
use retrial_domain::Scheme;
use retrial_grader::self_check;
use retrial_loop::inputs::Inputs;
use retrial_loop::prompts::Prompts;

use super::finding::{Finding, State};
use super::lengths::Lengths;

/// Answers that no response can match, of which so many are shown.
const SHOWN: usize = 3;

/// What there is to say of model and data.
pub fn data(config: &Config, inputs: &Inputs) -> Vec<Finding> {
    let (tokens, context) = (config.rollout.max_tokens(), inputs.context);
    let model = format!(
        "{}: context of {context} tokens, responses of at most {tokens}",
        config.model.path
    );
    let mut findings = vec![Finding::new("model", State::Ok, model)];
    let lengths = |set: &DataSet| Lengths::of(prompt_tokens(&inputs.prompts, set));
    let train = &inputs.train;
    let (there, wanted) = (train.len(), config.rollout.problems);
    let few = wanted > there;
    let mut text = format!("{there} problems to train on; {}", lengths(train));
    if few {
        text = format!("{text}\n[rollout] problems is {wanted}: a step has {there} only");
    }
    findings.push(finding("training data", few, text, train, config));
    for set in &inputs.heldout {
        let text = format!("`{}`: {} problems; {}", set.report().set, set.len(), lengths(set));
        findings.push(finding("held-out data", false, text, set, config));
    }
    findings
}

/// Tokens of the plain prompts of a set.
pub fn prompt_tokens(prompts: &Prompts, set: &DataSet) -> impl Iterator<Item = usize> {
    set.tasks().map(|task| prompts.plain(&task).map_or(0, |prompt| prompt.ids.len()))
}

/// What was found of a set: a warning if rows are no good, with what became of all of them.
fn finding(
    subject: &'static str,
    warned: bool,
    mut text: String,
    set: &DataSet,
    config: &Config,
) -> Finding {
    let report = set.report();
    let mut warned = warned || report.faults() > 0;
    if !report.is_plain() {
        text = format!("{text}\n{report}");
    }
    if let Some(unmatched) = unmatched(set, config) {
        warned = true;
        text = format!("{text}\n{unmatched}");
    }
    Finding::new(subject, if warned { State::Warning } else { State::Ok }, text)
}

/// The answers that even a response that repeats them does not match, where the grader decides.
fn unmatched(set: &DataSet, config: &Config) -> Option<String> {
    let faults: Vec<String> = set
        .tasks()
        .filter(|task| config.reward.scheme(&task.problem.tags).is_ok_and(Scheme::is_math))
        .filter_map(|task| {
            let fault = self_check(&task.problem.answer).err()?;
            Some(format!("\n  `{}` of problem `{}`: {fault}", task.problem.answer, task.problem.id))
        })
        .collect();
    let shown = faults.iter().take(SHOWN).cloned().collect::<String>();
    let (number, of) = (faults.len(), set.len());
    (number > 0).then(|| {
        format!("{number} of {of} answers are not matched by a response that repeats them:{shown}")
    })
}

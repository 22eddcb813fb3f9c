//! The model's words and the problems: how many, how long, what was left out, and whether their
//! answers can be matched at all.

use retrial_config::Config;
use retrial_data::{DataSet, Report};
use retrial_grader::self_check;
use retrial_loop::inputs::Inputs;
use retrial_loop::prompts::Prompts;

use super::finding::{Finding, State};
use super::lengths::Lengths;

/// Answers that no response can match, of which so many are shown.
const SHOWN: usize = 3;

/// What there is to say of model and data.
pub fn data(config: &Config, inputs: &Inputs) -> Vec<Finding> {
    let (tokens, context) = (config.rollout.max_tokens, inputs.context);
    let model = format!(
        "{}: context of {context} tokens, responses of at most {tokens}",
        config.model.path
    );
    let mut findings = vec![Finding::new("model", State::Ok, model)];
    let lengths = |set: &DataSet| Lengths::of(prompt_tokens(&inputs.prompts, set));
    let train = &inputs.train;
    let mut text = format!("{} problems to train on; {}", train.len(), lengths(train));
    let wanted = config.rollout.problems;
    let few = wanted > train.len();
    if few {
        text += &format!("\n[rollout] problems is {wanted}: a step has {} only", train.len());
    }
    findings.push(finding("training data", few, text, train));
    for set in &inputs.heldout {
        let text = format!("`{}`: {} problems; {}", set.report().set, set.len(), lengths(set));
        findings.push(finding("held-out data", false, text, set));
    }
    findings
}

/// Tokens of the plain prompts of a set.
pub fn prompt_tokens(prompts: &Prompts, set: &DataSet) -> impl Iterator<Item = usize> {
    set.tasks().map(|task| prompts.plain(&task).map_or(0, |prompt| prompt.ids.len()))
}

/// What was found of a set: a warning if rows are no good, with what became of all of them.
fn finding(subject: &'static str, warned: bool, mut text: String, set: &DataSet) -> Finding {
    let report = set.report();
    let mut warned = warned || report.faults() > 0;
    if !report.left_out.is_empty() || report.with_special_tokens > 0 || unusual(report) {
        text = format!("{text}\n{report}");
    }
    if let Some(unmatched) = unmatched(set) {
        warned = true;
        text = format!("{text}\n{unmatched}");
    }
    Finding::new(subject, if warned { State::Warning } else { State::Ok }, text)
}

/// Whether a file is not in our own layout: then it is said how it was read.
fn unusual(report: &Report) -> bool {
    report.files.iter().any(|file| file.layout != "problem, answer")
}

/// The answers that even a response that repeats them does not match.
fn unmatched(set: &DataSet) -> Option<String> {
    let faults: Vec<String> = set
        .tasks()
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

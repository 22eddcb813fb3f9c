//! The model card of a run: what was trained, on what, how, and the results. It is a file beside the
//! weight versions, and is included in exports.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use retrial_config::Config;
use retrial_lte::Method;
use retrial_protocol::WeightVersion;
use retrial_store::{Input, InputKind};

use crate::context::Context;

/// Writes the card beside the versions, with the final table of the run.
pub async fn write(context: &Context, last: WeightVersion, table: &str) -> Result<()> {
    let inputs = context.store.inputs(context.id).await?;
    let path = context.config.weights().join("README.md");
    std::fs::write(&path, card(&context.config, &inputs, last, table))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn card(config: &Config, inputs: &[Input], last: WeightVersion, table: &str) -> String {
    let of_kind = |kind: InputKind| inputs.iter().filter(move |input| input.kind == kind);
    let model = of_kind(InputKind::Model).map(|input| input.source.as_str()).next();
    let model = model.unwrap_or(config.model.path.0.as_str());
    let mut card = String::from("---\nlibrary_name: transformers\npipeline_tag: text-generation\n");
    // On the hub names are links. Local folders would mean nothing there.
    let hub_name = |source: &str| {
        let name = source.split('@').next().unwrap_or_default();
        (source.contains('@') && !source.starts_with('/')).then(|| name.to_owned())
    };
    if let Some(name) = hub_name(model) {
        let _ = writeln!(card, "base_model: {name}");
    }
    let sets: Vec<String> = of_kind(InputKind::Train)
        .flat_map(|input| input.source.split(", "))
        .filter_map(|source| hub_name(source.strip_prefix("hf://datasets/")?))
        .collect();
    if let Some(set) = sets.first() {
        let _ = writeln!(card, "datasets:\n- {set}");
    }
    card += "tags:\n- retrial\n- reinforcement-learning\n---\n\n";
    let _ = writeln!(card, "# {}\n\n{}\n", config.run.name, method(config.run.method));
    let optimizer = &config.optimizer;
    let rollout = &config.rollout;
    let rows = [
        ("model", shown(model)),
        ("problems", sources(of_kind(InputKind::Train))),
        ("held out", sources(of_kind(InputKind::HeldOut))),
        ("steps", last.to_string()),
        ("problems of a step", rollout.problems.to_string()),
        ("rollouts of a problem", format!("{}, and {} extra", rollout.group, rollout.extra)),
        ("most tokens of a response", rollout.max_tokens().to_string()),
        ("learning rate", optimizer.learning_rate.to_string()),
        ("seed", config.run.seed.to_string()),
    ];
    card += "| | |\n|---|---|\n";
    for (what, value) in rows {
        let _ = writeln!(card, "| {what} | {value} |");
    }
    let _ = write!(card, "\n## What came out\n\n{table}\n");
    card
}

fn method(method: Method) -> &'static str {
    match method {
        Method::Lte => {
            "Trained by Retrial with LTE, learning to reason from trial and error \
             ([arXiv 2510.26109](https://arxiv.org/abs/2510.26109)): a problem that none of its \
             rollouts solves gets a second trial, hinted with the model's own wrong answers."
        }
        Method::Grpo => "Trained by Retrial with GRPO.",
        Method::GrpoExtra => {
            "Trained by Retrial with GRPO and extra rollouts: a problem that none of its rollouts \
             solves gets a second trial without a hint."
        }
        Method::Gold => {
            "Trained by Retrial with GRPO and the data set's own solutions, in the manner of LUFFY \
             ([arXiv 2504.14945](https://arxiv.org/abs/2504.14945))."
        }
    }
}

fn sources<'a>(inputs: impl Iterator<Item = &'a Input>) -> String {
    let shown: Vec<String> = inputs
        .map(|Input { name, source, report, .. }| {
            let used = report.as_ref().and_then(|report| report["used"].as_u64());
            let used = used.map_or(String::new(), |used| format!(", {used} problems"));
            let files: Vec<String> = source.split(", ").map(shown).collect();
            format!("{name}: {}{used}", files.join(", "))
        })
        .collect();
    if shown.is_empty() { "none".into() } else { shown.join("; ") }
}

/// A source for publication: only the last part of a local path.
fn shown(source: &str) -> String {
    match source.strip_prefix('/') {
        Some(path) => path.rsplit('/').next().unwrap_or_default().to_owned(),
        None => source.to_owned(),
    }
}

//! The fingerprints of a run's inputs: a resumed run must have the same.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use retrial_data::{DataSet, Fingerprint};
use retrial_store::{Input, InputKind};
use retrial_text::DateTime;
use serde::{Deserialize, Serialize};

use crate::model::Model;

/// Fingerprint of a model: digests of its files by name.
type PinnedModel = BTreeMap<String, String>;

/// Fingerprint of a set.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct PinnedSet {
    #[serde(flatten)]
    problems: Fingerprint,
    /// The weight of each source and its problems.
    parts: Vec<(f64, usize)>,
}

/// The time that the templates of a run saw when it began, if the log has it.
pub fn time(inputs: &[Input]) -> Option<DateTime> {
    inputs.iter().find(|input| input.kind == InputKind::Model)?.read_at.parse().ok()
}

/// A model for the log.
pub fn model(model: &Model, now: DateTime) -> Result<Input> {
    let files: PinnedModel = model.fingerprint()?;
    Ok(Input {
        kind: InputKind::Model,
        name: "model".into(),
        source: model.source.clone(),
        fingerprint: serde_json::to_value(files)?,
        report: None,
        read_at: now.to_string(),
    })
}

/// A set for the log.
pub fn set(kind: InputKind, set: &DataSet, now: DateTime) -> Result<Input> {
    let pinned = PinnedSet { problems: set.fingerprint(), parts: parts(set) };
    let report = set.report();
    let files: Vec<&str> = report.files.iter().map(|file| file.file.as_str()).collect();
    Ok(Input {
        kind,
        name: report.set.clone(),
        source: files.join(", "),
        fingerprint: serde_json::to_value(pinned)?,
        report: Some(serde_json::to_value(report)?),
        read_at: now.to_string(),
    })
}

fn parts(set: &DataSet) -> Vec<(f64, usize)> {
    set.parts().iter().map(|part| (part.weight, part.places.len())).collect()
}

/// Fails if the model differs from the log's.
pub fn same_model(known: &[Input], now: &Input) -> Result<()> {
    let Some(known) = known.iter().find(|known| known.kind == InputKind::Model) else {
        return Ok(());
    };
    let files = |input: &Input| {
        serde_json::from_value::<PinnedModel>(input.fingerprint.clone())
            .context("the log has a fingerprint of the model that cannot be read")
    };
    let (then, now_files) = (files(known)?, files(now)?);
    let names: BTreeSet<&String> = then.keys().chain(now_files.keys()).collect();
    let others: Vec<&str> = names
        .into_iter()
        .filter(|&name| then.get(name) != now_files.get(name))
        .map(String::as_str)
        .collect();
    if !others.is_empty() {
        bail!(
            "the model of [model] path differs from the one at the start of the run: {} differ\n\
             then: {}\nnow:  {}",
            others.join(", "),
            known.source,
            now.source
        );
    }
    Ok(())
}

/// Fails if a set differs from the log's.
pub fn same_set(known: &[Input], kind: InputKind, set: &DataSet) -> Result<()> {
    let name = &set.report().set;
    let Some(known) = known.iter().find(|known| (known.kind, &known.name) == (kind, name)) else {
        bail!("the run was started without the held-out set `{name}`");
    };
    let pinned: PinnedSet = serde_json::from_value(known.fingerprint.clone())
        .with_context(|| format!("the log has a fingerprint of `{name}` that cannot be read"))?;
    let what = match kind {
        InputKind::HeldOut => format!("the held-out set `{name}`"),
        _ => "the data of [data] train".to_owned(),
    };
    if let Some(change) = set.change_since(&pinned.problems) {
        bail!("{what}: {change}\nthen it was {}", known.source);
    }
    if parts(set) != pinned.parts {
        bail!("{what}: its sources have other weights");
    }
    Ok(())
}

/// Fails if the run began with a held-out set that is not among these.
pub fn no_set_is_gone<'a>(known: &[Input], mut names: impl Iterator<Item = &'a str>) -> Result<()> {
    let names: BTreeSet<&str> = names.by_ref().collect();
    let held_out = known.iter().filter(|known| known.kind == InputKind::HeldOut);
    let gone = held_out.map(|known| known.name.as_str()).find(|name| !names.contains(name));
    match gone {
        Some(name) => bail!("the held-out set `{name}` of the start of the run is missing"),
        None => Ok(()),
    }
}

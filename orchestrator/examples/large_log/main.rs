//! Makes a large log and measures how fast it is: `make bench-log`.
//!
//! `large_log FILE` makes a log of a million rollouts and some 300,000 mistakes, unless FILE is one
//! already, then runs the queries of pages and commands, with one client and with twenty, while a run writes.

mod measure;
mod world;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use retrial_domain::Trial;
use retrial_grader::Verdict;
use retrial_lte::{GroupOutcome, Method};
use retrial_protocol::{Metric, Step};
use retrial_store::{
    GroupRecord, HintRecord, NewRun, PushRecord, Replacement, RunId, StepRecord, Store, TrialRecord,
};

use world::{Group, World};

/// Rollouts of the log, both trials.
const ROLLOUTS: usize = 1_000_000;

#[tokio::main]
async fn main() -> Result<()> {
    let path: PathBuf = std::env::args().nth(1).context("usage: large_log FILE")?.into();
    if path.exists() {
        println!("{} is there already", path.display());
    } else {
        make(&path).await?;
    }
    measure::all(&path).await
}

async fn make(path: &std::path::Path) -> Result<()> {
    let store = Store::open(path).await?;
    let mut world = World::new(1);
    let (mut rollouts, mut spent) = (0, 0.0);
    // A large run and a smaller one.
    for (name, share) in [("large", 0.7), ("small", 0.3)] {
        let run = begin(&store, &mut world, name).await?;
        let mut step = Step(1);
        let until = rollouts as f64 + share * ROLLOUTS as f64;
        while (rollouts as f64) < until {
            let groups = world.step(step);
            let clock = Instant::now();
            rollouts += log(&store, run, step, &groups).await?;
            spent += clock.elapsed().as_secs_f64();
            step = step.version().next_step();
        }
    }
    println!("logged {rollouts} rollouts in {spent:.1} s: {:.0} a second", rollouts as f64 / spent);
    store.close().await;
    Ok(())
}

/// Inserts a run and its problems.
pub async fn begin(store: &Store, world: &mut World, name: &str) -> Result<RunId> {
    let run = NewRun {
        name: name.into(),
        method: Method::Lte,
        seed: 1,
        model: "model".into(),
        config: serde_json::json!({ "run": { "seed": 1 } }),
    };
    let id = store.create_run(&run).await?;
    store.record_problems(id, "train", world.problems().iter()).await?;
    Ok(id)
}

/// Logs a step and commits it. Returns its number of rollouts.
pub async fn log(store: &Store, run: RunId, step: Step, groups: &[Group]) -> Result<usize> {
    let ids: Vec<_> = groups.iter().map(|group| group.problem.clone()).collect();
    store.begin_step(run, step, &ids).await?;
    let records = records(groups);
    store.log_rollouts(run, step, &records).await?;
    store.log_hints(run, step, &hints(groups)).await?;
    store.commit_step(run, step, &summary(step, groups)).await?;
    Ok(records.iter().map(|record| record.rollouts.len()).sum())
}

/// The trials of a step, as they are logged.
pub fn records(groups: &[Group]) -> Vec<TrialRecord<'_>> {
    let record =
        |problem, trial, rollouts| TrialRecord { problem, trial, prompt_tokens: 40, rollouts };
    let trials = groups.iter().flat_map(|group| {
        let first = record(&group.problem, Trial::First, &group.first[..]);
        let second = group.second.as_ref();
        let second = second.map(|(_, extra)| record(&group.problem, Trial::Second, &extra[..]));
        std::iter::once(first).chain(second)
    });
    trials.collect()
}

/// The hints of a step.
pub fn hints(groups: &[Group]) -> Vec<HintRecord> {
    let hint = |group: &Group| {
        let (trial, _) = group.second.as_ref()?;
        let prompt = "What is it? Not these.".to_owned();
        Some(HintRecord {
            problem: group.problem.clone(),
            trial: trial.clone(),
            prompt,
            answer_space: None,
        })
    };
    groups.iter().filter_map(hint).collect()
}

/// The metrics of a step, as many as in a real run.
pub fn summary(step: Step, groups: &[Group]) -> StepRecord {
    let group = |group: &Group| {
        let extra = group.second.iter().flat_map(|(_, extra)| extra);
        let rescues = extra.filter(|graded| graded.verdict() == Verdict::Correct);
        let replacements: Vec<Replacement> = (0..)
            .zip(rescues)
            .map(|(first, graded)| Replacement { first, extra: graded.rollout.index })
            .collect();
        let before = group.outcome();
        let after = if replacements.is_empty() { before } else { GroupOutcome::SomePass };
        GroupRecord { problem: group.problem.clone(), before, after, replacements }
    };
    StepRecord {
        groups: groups.iter().map(group).collect(),
        weights: PushRecord {
            version: step.version(),
            folder: format!("runs/large/{}", step.version().folder()).into(),
            max_difference: Some(1e-6),
        },
        metrics: Metric::ALL.iter().map(|&metric| (metric, 1.0 / step.0 as f64)).collect(),
    }
}

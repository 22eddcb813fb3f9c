//! A study: the same run with several arms (methods, settings) and seeds, and the results of each.
//!
//! Every arm has the same model, data, order of problems and seeds. With a reference arm all others
//! continue until they have sampled as many response tokens as the reference did with the same seed,
//! including second trials. A study over several worlds (models, data) runs all arms in each of them: a
//! map of where an effect ends.

mod estimate;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use retrial_protocol::{Metric, Step};
use serde::Deserialize;

use crate::watched;
use retrial_config::Config;
use retrial_domain::Score;
use retrial_loop::failure::Failure;
use retrial_loop::open::Options;
use retrial_store::Store;

pub use estimate::Estimate;
pub use report::report;

/// How many times the reference's steps an arm may take to use up its tokens.
const MOST_STEPS: u64 = 4;

/// The content of a study file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Its name: runs are called `NAME-ARM-SEED`.
    pub name: String,
    /// The configuration of every run, beside this file.
    pub config: PathBuf,
    /// Seeds of each arm.
    pub seeds: Vec<u64>,
    /// The arm whose sampled tokens are the budget of all; without it all take the same number of steps.
    pub reference: Option<String>,
    /// The arms, in the order of the report.
    #[serde(rename = "arm")]
    pub arms: Vec<Variant>,
    /// The worlds, if there are others than the configuration's.
    #[serde(rename = "world", default)]
    pub worlds: Vec<Variant>,
}

/// Settings under a name: an arm, one side of the comparison, or a world.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// Its settings, as `--set` takes them. Paths are relative to the configuration.
    #[serde(default)]
    pub set: Vec<String>,
}

/// The result of one run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The world's name; none in a study of one world.
    pub world: Option<String>,
    /// The arm's name.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// Its steps.
    pub steps: u64,
    /// Its sampled response tokens, including second trials.
    pub tokens: f64,
    /// The metrics of its steps by name, as in [`Store::series`].
    pub series: BTreeMap<String, Vec<(Step, f64)>>,
    /// Held-out scores by version, for each set.
    pub curves: Vec<(String, Vec<(u64, Score)>)>,
}

impl Study {
    /// Reads a study file.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the study {}", path.display()))?;
        let mut study: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        study.config = path.parent().unwrap_or(Path::new("")).join(&study.config);
        let known = |name: &String| study.arms.iter().any(|arm| arm.name == *name);
        if let Some(reference) = study.reference.as_ref().filter(|name| !known(name)) {
            return Err(anyhow!("{}: there is no arm `{reference}`", path.display()));
        }
        if study.seeds.is_empty() || study.arms.is_empty() {
            return Err(anyhow!("{}: a study needs seeds and arms", path.display()));
        }
        Ok(study)
    }

    /// Runs what is not finished yet, and returns the results of all.
    pub async fn run(&self, overrides: &[String]) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = Vec::new();
        // The reference first: the others need its number of tokens.
        let is_reference = |arm: &&Variant| self.reference.as_ref() == Some(&arm.name);
        let (first, others): (Vec<&Variant>, Vec<&Variant>) =
            self.arms.iter().partition(is_reference);
        let runs = self.worlds().len() * self.seeds.len() * self.arms.len();
        for world in self.worlds() {
            for &seed in &self.seeds {
                let mut budget = None;
                for arm in first.iter().chain(&others) {
                    let number = outcomes.len() + 1;
                    retrial_log::tell(&format!("study {}: run {number} of {runs}", self.name));
                    let outcome = self.run_arm(world, arm, seed, budget, overrides).await?;
                    if is_reference(arm) {
                        budget = Some(outcome.tokens as u64);
                    }
                    outcomes.push(outcome);
                }
            }
        }
        Ok(outcomes)
    }

    /// The worlds; the configuration's alone if none is configured.
    fn worlds(&self) -> Vec<Option<&Variant>> {
        if self.worlds.is_empty() { vec![None] } else { self.worlds.iter().map(Some).collect() }
    }

    async fn run_arm(
        &self,
        world: Option<&Variant>,
        arm: &Variant,
        seed: u64,
        budget: Option<u64>,
        overrides: &[String],
    ) -> Result<Outcome, Failure> {
        let place = world.map_or(String::new(), |world| format!("{}-", world.name));
        let name = format!("{}-{place}{}-{seed}", self.name, arm.name);
        let own = [format!("run.name={name}"), format!("run.seed={seed}")];
        let of_world = world.map_or(&[][..], |world| &world.set);
        let settings = [of_world, &arm.set, overrides, &own].concat();
        let mut config = Config::load(&self.config, &settings).map_err(Failure::input)?;
        if budget.is_some() {
            config.run.max_tokens = budget;
            config.run.steps *= MOST_STEPS;
        }
        // The next run waits for the end of this one.
        config.dashboard.keep = false;
        let options = Options { resume: true, ..Options::default() };
        let last = watched::run(config.clone(), options, true).await?;

        let store = Store::open(&config.run.database).await?;
        let name = &config.run.name;
        let record = store.run_by_name(name).await?;
        let id = record.with_context(|| format!("the log has no run `{name}`"))?.id;
        let series = store.series(id).await?;
        let sum = |metric: Metric| -> f64 {
            series.get(metric.name()).into_iter().flatten().map(|&(_, value)| value).sum()
        };
        let tokens = sum(Metric::FirstTrialTokens) + sum(Metric::SecondTrialTokens);
        let mut curves = Vec::new();
        for (split, ..) in config.data.held_out() {
            let scores = store.scores(id, split).await?;
            let points = scores.into_iter().map(|(version, score)| (version.0, score)).collect();
            curves.push((split.to_owned(), points));
        }
        let (world, arm) = (world.map(|world| world.name.clone()), arm.name.clone());
        let outcome = Outcome { world, arm, seed, steps: last.0, tokens, series, curves };
        store.close().await;
        Ok(outcome)
    }
}

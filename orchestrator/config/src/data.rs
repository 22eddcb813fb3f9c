//! `[data]`: the problems.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use retrial_domain::Benchmark;
use serde::{Deserialize, Serialize};

/// `[data]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// JSON Lines of problems to train on.
    pub train: PathBuf,
    /// Named files of held-out problems.
    #[serde(default)]
    pub heldout: BTreeMap<String, PathBuf>,
    /// Public benchmarks, held out too: the files they are published as.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub benchmarks: BTreeMap<Benchmark, PathBuf>,
}

/// A held-out set: its name, its file, and the benchmark whose columns it has.
pub type HeldOut<'a> = (&'a str, &'a Path, Option<Benchmark>);

impl DataConfig {
    /// Says what is wrong, if anything is.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut names = self.benchmarks.keys().map(|benchmark| benchmark.name());
        match names.find(|&name| self.heldout.contains_key(name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "[data.heldout] and [data.benchmarks] both have `{name}`, a set has one name"
            )),
        }
    }

    /// All held-out sets.
    pub fn held_out(&self) -> impl Iterator<Item = HeldOut<'_>> {
        let own = self.heldout.iter().map(|(name, path)| (name.as_str(), path.as_path(), None));
        let public = self.benchmarks.iter();
        own.chain(public.map(|(&which, path)| (which.name(), path.as_path(), Some(which))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_are_held_out_sets() {
        let text = "train = 't'\nheldout = { own = 'o' }\nbenchmarks = { math500 = 'm' }";
        let data: DataConfig = toml::from_str(text).unwrap();
        let sets: Vec<_> = data.held_out().map(|(name, _, benchmark)| (name, benchmark)).collect();
        assert_eq!(sets, [("own", None), ("math500", Some(Benchmark::Math500))]);
        assert_eq!(data.check(), Ok(()));
        let twice: DataConfig = toml::from_str(&text.replace("own", "math500")).unwrap();
        assert!(twice.check().unwrap_err().contains("both have `math500`"));
        let unknown = toml::from_str::<DataConfig>(&text.replace("math500", "math501"));
        let error = unknown.unwrap_err().to_string();
        assert!(error.contains("unknown variant `math501`"), "{error}");
        // Logs of runs that have none know nothing of them.
        let none: DataConfig = toml::from_str("train = 't'").unwrap();
        assert!(serde_json::to_value(none).unwrap().get("benchmarks").is_none());
    }
}

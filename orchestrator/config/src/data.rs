//! `[data]`: the problems.

use std::collections::BTreeMap;
use std::path::Path;

use retrial_domain::{Benchmark, Columns, MAX_LEFT_OUT, Sources};
use serde::{Deserialize, Serialize};

/// `[data]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Problems to train on.
    pub train: Sources,
    /// Held-out sets by name.
    #[serde(default)]
    pub heldout: BTreeMap<String, Sources>,
    /// Public benchmarks, also held out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub benchmarks: BTreeMap<Benchmark, Sources>,
    /// Which column is what, for sources that do not say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// The largest share of faulty rows in a set.
    #[serde(default = "default_max_left_out")]
    pub max_left_out: f64,
}

fn default_max_left_out() -> f64 {
    MAX_LEFT_OUT
}

impl DataConfig {
    /// Checks the values; the error is the first problem.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.train.check().map_err(|problem| format!("[data] train: {problem}"))?;
        for (name, sources) in self.held_out() {
            sources.check().map_err(|problem| format!("the held-out set `{name}`: {problem}"))?;
        }
        let share = self.max_left_out;
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("[data] max_left_out is {share}, it must be between 0 and 1"));
        }
        let mut names = self.benchmarks.keys().map(|benchmark| benchmark.name());
        match names.find(|&name| self.heldout.contains_key(name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "[data.heldout] and [data.benchmarks] both have `{name}`, a set has one name"
            )),
        }
    }

    /// All held-out sets by name.
    pub fn held_out(&self) -> impl Iterator<Item = (&str, &Sources)> {
        let own = self.heldout.iter().map(|(name, sources)| (name.as_str(), sources));
        own.chain(self.benchmarks.iter().map(|(which, sources)| (which.name(), sources)))
    }

    /// Makes relative paths relative to this folder.
    pub(crate) fn resolve(&mut self, folder: &Path) {
        let held_out = self.heldout.values_mut().chain(self.benchmarks.values_mut());
        held_out.chain([&mut self.train]).for_each(|sources| sources.resolve(folder));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_are_held_out_sets() {
        let text = "train = 't'\nheldout = { own = 'o' }\nbenchmarks = { math500 = 'm' }";
        let data: DataConfig = toml::from_str(text).unwrap();
        let sets: Vec<_> =
            data.held_out().map(|(name, sources)| (name, sources.to_string())).collect();
        assert_eq!(sets, [("own", "o".to_owned()), ("math500", "m".to_owned())]);
        assert_eq!(data.check(), Ok(()));
        let twice: DataConfig = toml::from_str(&text.replace("own", "math500")).unwrap();
        assert!(twice.check().unwrap_err().contains("both have `math500`"));
        let unknown = toml::from_str::<DataConfig>(&text.replace("math500", "math501"));
        let error = unknown.unwrap_err().to_string();
        assert!(error.contains("unknown variant `math501`"), "{error}");
        // Logs of runs without benchmarks do not have the key.
        let none: DataConfig = toml::from_str("train = 't'").unwrap();
        assert!(serde_json::to_value(none).unwrap().get("benchmarks").is_none());
    }

    #[test]
    fn what_is_wrong_with_a_source_is_said() {
        let cases = [
            ("train = []", "[data] train: it names no source"),
            ("train = 't'\nheldout = { a = { source = 'b', weight = 0 } }", "set `a`: the weight"),
            ("train = 't'\nmax_left_out = 1.5", "max_left_out is 1.5, it must be between 0 and 1"),
        ];
        for (text, expected) in cases {
            let data: DataConfig = toml::from_str(text).unwrap();
            let error = data.check().unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}

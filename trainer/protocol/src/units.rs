//! Newtypes of numbers that must not be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A training step, counted from 1. Step `s` turns weight version `s - 1` into version `s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Step(pub u64);

/// A version of the policy's weights; 0 is the model the run began with.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WeightVersion(pub u64);

impl Step {
    /// The version that this step samples from.
    pub fn base(self) -> WeightVersion {
        WeightVersion(self.0 - 1)
    }

    /// The version that this step makes.
    pub fn version(self) -> WeightVersion {
        WeightVersion(self.0)
    }
}

impl WeightVersion {
    /// The step that samples from this version.
    pub fn next_step(self) -> Step {
        Step(self.0 + 1)
    }

    /// The name of the version's folder. Names sort in the order of versions.
    pub fn folder(self) -> String {
        format!("v{:06}", self.0)
    }

    /// The version whose folder is called `name`, if it is one.
    pub fn from_folder(name: &str) -> Option<Self> {
        let version = Self(name.strip_prefix('v')?.parse().ok()?);
        (version.folder() == name).then_some(version)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for WeightVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_versions_both_ways() {
        assert_eq!(WeightVersion(12).folder(), "v000012");
        assert_eq!(WeightVersion::from_folder("v000012"), Some(WeightVersion(12)));
        for other in ["v12", "000012", "v000012.tmp", "v-00001", "base"] {
            assert_eq!(WeightVersion::from_folder(other), None, "{other}");
        }
    }
}

//! The final state of a run, to compare with another.

use crate::Project;

/// The final state of a run: equal runs have equal ones.
#[derive(Debug)]
pub struct Ended {
    /// Its last weights.
    pub weights: Vec<u8>,
    /// Everything in its log except times.
    pub log: Vec<String>,
}

impl Project {
    /// The final state of the run `test`, with this last version.
    pub async fn ended(&self, version: u64) -> Ended {
        Ended { weights: self.weights(version), log: self.log_content().await }
    }
}

impl Ended {
    /// Fails, with the first row that differs, unless two runs ended in the same state.
    pub fn assert_is(&self, expected: &Self, after: &str) {
        assert!(self.weights == expected.weights, "{after}: the weights differ");
        for (found, expected) in self.log.iter().zip(&expected.log) {
            assert_eq!(found, expected, "{after}: the log differs");
        }
        assert_eq!(self.log.len(), expected.log.len(), "{after}: the log has other rows");
    }
}

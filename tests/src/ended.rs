//! How a run ended, to compare with how another did.

use crate::Project;

/// What is left of a run: equal runs have equal ones.
#[derive(Debug)]
pub struct Ended {
    /// Its last weights.
    pub weights: Vec<u8>,
    /// Everything in its log but the times.
    pub log: Vec<String>,
}

impl Project {
    /// How the run `test` ended, whose last version this is.
    pub async fn ended(&self, version: u64) -> Ended {
        Ended { weights: self.weights(version), log: self.log_content().await }
    }
}

impl Ended {
    /// Fails, with the first row that differs, unless a run ended as another one did.
    pub fn assert_is(&self, expected: &Self, after: &str) {
        assert!(self.weights == expected.weights, "{after}: the weights differ");
        for (found, expected) in self.log.iter().zip(&expected.log) {
            assert_eq!(found, expected, "{after}: the log differs");
        }
        assert_eq!(self.log.len(), expected.log.len(), "{after}: the log has other rows");
    }
}

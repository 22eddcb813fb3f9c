//! Whether a model uses the extraction at all: one that never marks its answers where they are looked for
//! has no rewards, and that is seen before a run.

use retrial_domain::RewardConfig;
use retrial_grader::{Extraction, candidates};

/// Extractions of `[reward]` by which no response of a cold model has an answer; none are unused where
/// there are no responses.
pub fn unused_extractions(reward: &RewardConfig, responses: &[&str]) -> Vec<Extraction> {
    let mut unused = Vec::new();
    for verifier in reward.all() {
        let extraction = verifier.extraction;
        let is_used = responses.iter().any(|text| candidates(text, extraction).is_ok());
        let asked = verifier.kind.looks_for_answers() && !responses.is_empty();
        if asked && !is_used && !unused.contains(&extraction) {
            unused.push(extraction);
        }
    }
    unused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extraction_that_no_response_uses_is_named() {
        let boxed = RewardConfig::default();
        let bare = ["It is 42.", "#### 42"];
        assert_eq!(unused_extractions(&boxed, &bare), [Extraction::Boxed]);
        assert_eq!(unused_extractions(&boxed, &["So \\boxed{42}.", "It is 42."]), []);
        let hashes = boxed.clone().looking_in(Extraction::Hashes);
        assert_eq!(unused_extractions(&hashes, &bare), []);
        assert_eq!(unused_extractions(&boxed, &[]), []);
    }
}

//! The outcome of one verifier for one response, and the answers that are kept.

use retrial_domain::{FINGERPRINT, FinishReason, Reward, Submission};
use retrial_grader::{Answer, Extraction, candidates};
use sha2::{Digest as _, Sha256};

use crate::text::normal;

/// Characters kept of an answer.
const KEPT: usize = 2_000;
/// A longer answer, in characters, is identified by its digest.
const LONG: usize = 200;

/// The outcome of one verifier for one response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The verifier gave a reward.
    Decided(Decision),
    /// The response could not be verified, and why.
    Unverified(String),
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decision {
    pub(crate) reward: Reward,
    pub(crate) answer: Option<Answer>,
    /// The response has an answer that cannot be read.
    pub(crate) unparsed: bool,
    pub(crate) reason: Option<String>,
}

impl Outcome {
    /// Passed or failed, with the answer that was found.
    pub(crate) fn passed(passed: bool, answer: Answer) -> Self {
        let reward = Reward::from(passed);
        Self::Decided(Decision { reward, answer: Some(answer), ..Decision::default() })
    }

    /// Failed: there is no answer.
    pub(crate) fn no_answer(reason: impl Into<String>) -> Self {
        let reason = Some(reason.into());
        Self::Decided(Decision { reason, ..Decision::default() })
    }

    /// Failed, with an answer that cannot be read.
    pub(crate) fn unparsed(answer: Answer, reason: &str) -> Self {
        let reason = Some(reason.to_owned());
        Self::Decided(Decision {
            answer: Some(answer),
            unparsed: true,
            reason,
            ..Decision::default()
        })
    }
}

/// Where to look for the answer of a response. In a truncated response the last expression is not the
/// answer, so only a marked answer counts.
pub(crate) fn place(submission: &Submission, extraction: Extraction) -> Extraction {
    const MARKED: [Extraction; 3] = [Extraction::Boxed, Extraction::Hashes, Extraction::AnswerTag];
    if submission.finish == FinishReason::Stop || extraction != Extraction::Auto {
        return extraction;
    }
    let has_answer = |way: &Extraction| candidates(&submission.response, *way).is_ok();
    MARKED.into_iter().find(has_answer).unwrap_or_default()
}

/// The likeliest answer of a response, as text.
pub(crate) fn answer_text(submission: &Submission, extraction: Extraction) -> Option<String> {
    candidates(&submission.response, place(submission, extraction)).ok()?.into_iter().next()
}

/// An answer compared by its text, ignoring white space and case; a long one by its digest.
pub(crate) fn answer(text: &str) -> Answer {
    let text = text.trim();
    if text.chars().count() > LONG {
        return fingerprinted(text);
    }
    Answer { text: text.to_owned(), canonical: normal(text) }
}

/// An answer compared by the digest of its text, ignoring white space.
pub(crate) fn fingerprinted(text: &str) -> Answer {
    let text = text.trim();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let digest = Sha256::digest(words);
    let canonical =
        digest[..16].iter().fold(FINGERPRINT.to_owned(), |hex, byte| format!("{hex}{byte:02x}"));
    Answer { text: text.chars().take(KEPT).collect(), canonical }
}

#[cfg(test)]
mod tests {
    use retrial_domain::is_long;

    use super::*;

    #[test]
    fn a_long_answer_is_known_by_its_fingerprint() {
        let short = answer(" Yes,  SIR ");
        assert_eq!((short.text.as_str(), short.canonical.as_str()), ("Yes,  SIR", "yes, sir"));
        let code = "x = 1\n".repeat(1000);
        let (a, b) = (answer(&code), answer(&format!("{code}\n\n")));
        assert!(is_long(&a) && !is_long(&short));
        assert_eq!(a.canonical, b.canonical);
        assert_ne!(a.canonical, answer(&code.replace('1', "2")).canonical);
        assert_eq!(a.text.len(), KEPT);
    }
}

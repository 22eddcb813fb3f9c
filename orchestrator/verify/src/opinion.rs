//! What one verifier says of one response, and the answers that are kept.

use retrial_domain::{FINGERPRINT, FinishReason, Reward, Submission};
use retrial_grader::{Answer, Extraction, candidates};
use sha2::{Digest as _, Sha256};

use crate::text::normal;

/// Characters of an answer that are kept.
const KEPT: usize = 2_000;
/// Characters of an answer above which it is known by its fingerprint.
const LONG: usize = 200;

/// What one verifier says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Opinion {
    /// It has decided.
    Given(Given),
    /// It was given up on, and why.
    GivenUp(String),
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Given {
    pub(crate) reward: Reward,
    pub(crate) answer: Option<Answer>,
    /// The answer is there and cannot be read.
    pub(crate) unparsed: bool,
    pub(crate) reason: Option<String>,
}

impl Opinion {
    /// Passed or failed, with the answer that was found.
    pub(crate) fn passed(passed: bool, answer: Answer) -> Self {
        let reward = Reward::from(passed);
        Self::Given(Given { reward, answer: Some(answer), ..Given::default() })
    }

    /// Failed, for want of an answer.
    pub(crate) fn no_answer(reason: impl Into<String>) -> Self {
        let reason = Some(reason.into());
        Self::Given(Given { reason, ..Given::default() })
    }

    /// Failed, with an answer that cannot be read.
    pub(crate) fn unparsed(answer: Answer, reason: &str) -> Self {
        let reason = Some(reason.to_owned());
        Self::Given(Given { answer: Some(answer), unparsed: true, reason, ..Given::default() })
    }
}

/// Where the answer of a response is looked for. One that was cut has not come to its last expression:
/// only an answer that is marked as such counts.
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

/// An answer by its text: white space and case do not count, a long one is known by its digest.
pub(crate) fn answer(text: &str) -> Answer {
    let text = text.trim();
    if text.chars().count() > LONG {
        return fingerprinted(text);
    }
    Answer { text: text.to_owned(), canonical: normal(text) }
}

/// An answer that is known by the digest of its text, white space aside.
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

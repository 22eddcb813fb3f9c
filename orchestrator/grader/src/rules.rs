//! What a caller may choose: where an answer may be, and what counts as equal.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Where a response may give its answer.
///
/// An answer that is begun and not ended, or that is empty, takes the earlier ones back, in each of
/// these ways. Only the text after `</think>` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Extraction {
    /// The last complete box only: for training.
    #[default]
    Boxed,
    /// A box, else "final answer is", `####`, `<answer>`, else the last expression.
    Auto,
    /// The rest of the line after the last `####`, as in GSM8K.
    Hashes,
    /// The last complete `<answer>` element; a box inside it counts before other text.
    AnswerTag,
}

impl Extraction {
    /// Every way, in the order of declaration.
    pub const ALL: [Self; 4] = [Self::Boxed, Self::Auto, Self::Hashes, Self::AnswerTag];

    /// The name that configurations use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boxed => "boxed",
            Self::Auto => "auto",
            Self::Hashes => "hashes",
            Self::AnswerTag => "answer_tag",
        }
    }

    /// A response that gives an answer in this way and says nothing else.
    ///
    /// ```
    /// use retrial_grader::Extraction;
    ///
    /// assert_eq!(Extraction::Boxed.response("42"), r"The answer is $\boxed{42}$.");
    /// assert_eq!(Extraction::Hashes.response("42"), "#### 42");
    /// assert_eq!(Extraction::AnswerTag.response("42"), "<answer>42</answer>");
    /// ```
    pub fn response(self, answer: &str) -> String {
        match self {
            Self::Boxed | Self::Auto => format!("The answer is $\\boxed{{{answer}}}$."),
            Self::Hashes => format!("#### {answer}"),
            Self::AnswerTag => format!("<answer>{answer}</answer>"),
        }
    }
}

impl fmt::Display for Extraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is not the name of a way of extraction.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown extraction `{0}`; hint: one of boxed, auto, hashes, answer_tag")]
pub struct UnknownExtraction(pub String);

impl FromStr for Extraction {
    type Err = UnknownExtraction;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|extraction| extraction.as_str() == name)
            .ok_or_else(|| UnknownExtraction(name.to_owned()))
    }
}

/// How far an answer may be from the gold answer where careful people differ; see [`crate::policies`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// For rewards: what is not surely right is wrong.
    #[default]
    Strict,
    /// For comparison with other graders: rounded decimals, units, brackets are forgiven.
    Lenient,
}

/// Where a response may give its answer, and what counts as the gold answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rules {
    /// Where the answer may be.
    pub extraction: Extraction,
    /// What counts as equal.
    pub policy: Policy,
}

impl From<Extraction> for Rules {
    fn from(extraction: Extraction) -> Self {
        Self { extraction, policy: Policy::Strict }
    }
}

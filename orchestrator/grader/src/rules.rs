//! What a caller may choose: where an answer may be, and what counts as equal.

/// Where a response may give its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Extraction {
    /// The last complete box only: for training.
    #[default]
    Boxed,
    /// A box, else "final answer is", `####`, `<answer>`, else the last expression.
    Auto,
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

//! Names of enum values in the log.

use retrial_domain::{FinishReason, MistakeKind, Trial};
use retrial_grader::Verdict;
use retrial_lte::{GroupOutcome, HintKind, Method};
use serde::Serializer;

use crate::error::unknown;

/// An enum that a column stores by name.
pub trait Word: Copy + 'static {
    /// Its name for people, with its article.
    const WHAT: &'static str;
    /// All values.
    const ALL: &'static [Self];

    /// Its name.
    fn word(self) -> &'static str;

    /// The value of this name.
    fn by_word(word: &str) -> sqlx::Result<Self> {
        let found = Self::ALL.iter().copied().find(|known| known.word() == word);
        found.ok_or_else(|| unknown(Self::WHAT, word))
    }
}

macro_rules! words {
    ($($of:ty, $what:literal, $all:expr;)*) => {$(
        impl Word for $of {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = &$all;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    )*};
}

words! {
    Verdict, "a verdict", Verdict::ALL;
    FinishReason, "a finish reason", FinishReason::ALL;
    Trial, "a trial", Trial::ALL;
    MistakeKind, "a kind of mistake", MistakeKind::ALL;
    GroupOutcome, "an outcome",
        [GroupOutcome::NonePass, GroupOutcome::SomePass, GroupOutcome::AllPass];
    HintKind, "a kind of hint",
        [HintKind::Plain, HintKind::Concise, HintKind::ConciseHint, HintKind::Hint];
}

impl Word for Method {
    const WHAT: &'static str = "a method";
    const ALL: &'static [Self] = &[Self::Lte, Self::Grpo, Self::GrpoExtra, Self::Gold];

    fn word(self) -> &'static str {
        match self {
            Self::Lte => "lte",
            Self::Grpo => "grpo",
            Self::GrpoExtra => "grpo_extra",
            Self::Gold => "gold",
        }
    }
}

/// Writes an enum by its name.
pub fn write<T: Word, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.word())
}

/// Writes an optional enum by its name.
#[expect(clippy::ref_option, reason = "serde passes references")]
pub fn write_option<T: Word, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.serialize_some(value.word()),
        None => serializer.serialize_none(),
    }
}

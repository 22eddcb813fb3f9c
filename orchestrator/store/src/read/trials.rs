//! Results of a problem's trials in a step.

use retrial_lte::{GroupOutcome, HintKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::row::from_row;
use crate::word;

/// Results of a problem's trials in a step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trials {
    /// Outcome of the first trial: `none`, `some` or `all` pass; none while the step is in progress.
    #[serde(serialize_with = "word::write_option")]
    #[schema(value_type = Option<String>)]
    pub before: Option<GroupOutcome>,
    /// Outcome of the refined group.
    #[serde(serialize_with = "word::write_option")]
    #[schema(value_type = Option<String>)]
    pub after: Option<GroupOutcome>,
    /// Correct rollouts of the first trial.
    pub correct: u64,
    /// Rollouts of the first trial that could be graded.
    pub tries: u64,
    /// Kind of the second trial's prompt.
    #[serde(serialize_with = "word::write_option")]
    #[schema(value_type = Option<String>)]
    pub hint: Option<HintKind>,
    /// Correct rollouts of the second trial.
    pub hinted_correct: u64,
    /// Rollouts of the second trial that could be graded.
    pub hinted_tries: u64,
}

from_row!(Trials { before, after, correct, tries, hint, hinted_correct, hinted_tries });

/// The columns of [`Trials`] with counts, over `groups` with their `rollouts`.
macro_rules! counts {
    () => {
        "count(*) FILTER (WHERE trial = 'first' AND verdict = 'correct') AS correct,
    count(*) FILTER (WHERE trial = 'first' AND verdict <> 'timeout') AS tries,
    count(*) FILTER (WHERE trial = 'second' AND verdict = 'correct') AS hinted_correct,
    count(*) FILTER (WHERE trial = 'second' AND verdict <> 'timeout') AS hinted_tries"
    };
}

pub(super) use counts;

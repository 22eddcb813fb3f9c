//! The mistake log: one `SQLite` file that has everything that happened in its runs, and that a
//! run resumes from.
//!
//! `migrations/` has the schema, `docs/schema.md` describes it. One connection writes, others
//! read. Each call of [`Store`] is one transaction, all or nothing, and can be repeated: an existing row
//! stays as it is. So an interrupted call is simply repeated.
//!
//! [`Reader`] is for reading only: it opens a log read-only and returns plain types, the
//! ones of pages, the API, reports and exports. No other crate has SQL.

mod codec;
mod curves;
mod error;
mod evals;
mod inputs;
mod judgement;
mod migrations;
mod mistakes;
mod open;
mod processes;
mod read;
mod reader;
mod rollouts;
mod row;
mod runs;
mod steps;
mod store;
mod word;

pub use curves::Total;
pub use error::{QueryError, ReadError, StoreError};
pub use evals::{EvalId, EvalProblem, EvalSet, LoggedEval, NewEval};
pub use inputs::{Input, InputKind, known_inputs};
pub use mistakes::{Mistake, MistakeFilter};
pub use open::reader;
pub use processes::{ProcessId, ProcessOutcome};
pub use read::failures::{Failure, Failures};
pub use read::metrics::StepMetrics;
pub use read::mistakes::{MistakeLine, Mistakes};
pub use read::overview::{
    Coverage, Evaluation, Graduation, RunCache, RunData, SOURCE_STEPS, Source, SourceStep,
    StepTimes, Weights,
};
pub use read::problem::{Hint, ProblemDetail, RolloutLine, Visit, VisitDetail};
pub use read::problems::{ProblemLine, ProblemOrder, ProblemStatus, Problems};
pub use read::processes::{LastProcess, LoggedNotice};
pub use read::runs::{LogSize, RunInfo, RunLine};
pub use read::sql::Answer;
pub use read::status::RunNumbers;
pub use read::steps::{
    GroupLine, MetricLine, OTHER, PHASES, PhaseSpan, StepDetail, StepLine, Steps,
};
pub use read::trials::Trials;
pub use read::trouble::{LostProblems, RECENT_STEPS, RecentTrouble, RepeatedHints};
pub use read::unsolved::{Unsolved, UnsolvedFilter};
pub use reader::{ChangeWatch, QUERY_TIME, Reader, Session, View, Window};
pub use rollouts::{LoggedRollouts, TrialRecord};
pub use runs::{NewRun, RunId, RunRecord};
pub use steps::{GroupRecord, HintRecord, PushRecord, Replacement, StepRecord};
pub use store::Store;

#[cfg(test)]
mod tests;

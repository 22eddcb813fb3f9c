//! A step: its metrics, its phases, its groups; and the table of steps.

use retrial_protocol::Metric;
use serde::Serialize;
use utoipa::ToSchema;

use super::runs::RunInfo;
use super::trials::{Trials, counts};
use crate::error::ReadError;
use crate::reader::{View, Window};
use crate::row::from_row;

/// A row of the view `step_summary`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepLine {
    /// The step.
    pub step: u64,
    /// None-pass groups after the first trial.
    pub none_pass: Option<u64>,
    /// Some-pass groups after the first trial.
    pub some_pass: Option<u64>,
    /// All-pass groups after the first trial.
    pub all_pass: Option<u64>,
    /// Problems that got a second trial.
    pub hinted: Option<u64>,
    /// Problems that it rescued.
    pub rescued: Option<u64>,
    /// Share of the un-hinted rollouts that is correct.
    pub pass_rate: Option<f64>,
    /// Share of the second trial's rollouts that is correct.
    pub hinted_pass_rate: Option<f64>,
    /// Share of the un-hinted rollouts that was truncated.
    pub truncation_rate: Option<f64>,
    /// Mean tokens of an un-hinted response.
    pub response_tokens: Option<f64>,
    /// Sampled tokens.
    pub sampled_tokens: Option<u64>,
    /// Entropy, nats a token.
    pub entropy: Option<f64>,
    /// The loss.
    pub loss: Option<f64>,
    /// Norm of the gradient.
    pub grad_norm: Option<f64>,
    /// Seconds of all phases.
    pub seconds: Option<f64>,
}

from_row!(StepLine {
    step,
    none_pass,
    some_pass,
    all_pass,
    hinted,
    rescued,
    pass_rate,
    hinted_pass_rate,
    truncation_rate,
    response_tokens,
    sampled_tokens,
    entropy,
    loss,
    grad_norm,
    seconds
});

/// A page of the table of steps.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Steps {
    /// Steps in all.
    pub total: u64,
    /// The rows, the latest step first.
    pub rows: Vec<StepLine>,
}

const LINES: &str = "SELECT step, none_pass, some_pass, all_pass, hinted, rescued, pass_rate,
    hinted_pass_rate, truncation_rate, response_tokens, sampled_tokens, entropy, loss, grad_norm,
    seconds FROM step_summary WHERE run = ? ORDER BY step DESC LIMIT ? OFFSET ?";

impl View<'_> {
    /// A page of the table of steps.
    pub async fn steps(&mut self, run: &RunInfo, window: Window) -> Result<Steps, ReadError> {
        let total = "SELECT count(*) FROM steps WHERE run = ? AND committed_at IS NOT NULL";
        Ok(Steps {
            total: sqlx::query_scalar::<_, i64>(total)
                .bind(run.id)
                .fetch_one(&mut *self.db)
                .await?
                .cast_unsigned(),
            rows: sqlx::query_as(LINES)
                .bind(&run.name)
                .bind(window.limit)
                .bind(window.offset)
                .fetch_all(&mut *self.db)
                .await?,
        })
    }

    /// A step with a page of its groups.
    pub async fn step(
        &mut self,
        run: &RunInfo,
        step: u64,
        window: Window,
    ) -> Result<StepDetail, ReadError> {
        let key = step.cast_signed();
        let row: Option<StepRow> =
            sqlx::query_as(STEP).bind(run.id).bind(key).fetch_optional(&mut *self.db).await?;
        let row =
            row.ok_or_else(|| ReadError::not_found(format!("step {step} in run `{}`", run.name)))?;
        let metrics =
            "SELECT name, value FROM step_metrics WHERE run = ? AND step = ? ORDER BY name";
        let metrics: Vec<MetricLine> =
            sqlx::query_as(metrics).bind(run.id).bind(key).fetch_all(&mut *self.db).await?;
        let total = "SELECT count(*) FROM groups WHERE run = ? AND step = ?";
        let total_groups: i64 =
            sqlx::query_scalar(total).bind(run.id).bind(key).fetch_one(&mut *self.db).await?;
        let groups = sqlx::query_as(GROUPS)
            .bind(run.id)
            .bind(key)
            .bind(window.limit)
            .bind(window.offset)
            .fetch_all(&mut *self.db)
            .await?;
        Ok(StepDetail {
            run: run.name.clone(),
            step,
            begun_at: row.begun_at,
            committed_at: row.committed_at,
            previous: row.previous,
            next: row.next,
            phases: phases(row.seconds, &|name| {
                metrics.iter().find(|metric| metric.name == name).and_then(|metric| metric.value)
            }),
            groups,
            total_groups: total_groups.cast_unsigned(),
            metrics,
        })
    }
}

/// A step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepDetail {
    /// The run.
    pub run: String,
    /// The step.
    pub step: u64,
    /// When it began.
    pub begun_at: String,
    /// When it was complete; none while it is in progress.
    pub committed_at: Option<String>,
    /// Whether there is a previous step.
    pub previous: bool,
    /// Whether there is a next step.
    pub next: bool,
    /// Its phases, in order.
    pub phases: Vec<PhaseSpan>,
    /// Its groups, the none-pass ones first.
    pub groups: Vec<GroupLine>,
    /// Groups in all.
    pub total_groups: u64,
    /// All metrics of the step.
    pub metrics: Vec<MetricLine>,
}

/// A phase of a step.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PhaseSpan {
    /// Its name.
    pub name: &'static str,
    /// Seconds.
    pub seconds: f64,
}

/// A metric of a step.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Metric)]
pub struct MetricLine {
    /// Its name.
    pub name: String,
    /// None if it is not a number.
    pub value: Option<f64>,
}

from_row!(MetricLine { name, value });

/// A problem in a step.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupLine {
    /// The problem.
    pub problem: String,
    /// The beginning of its text.
    pub text: String,
    /// Results of its trials.
    #[serde(flatten)]
    pub trials: Trials,
}

from_row!(GroupLine { problem, text; trials });

struct StepRow {
    begun_at: String,
    committed_at: Option<String>,
    seconds: Option<f64>,
    previous: bool,
    next: bool,
}

from_row!(StepRow { begun_at, committed_at, seconds, previous, next });

const STEP: &str = "SELECT begun_at, committed_at,
    unixepoch(committed_at, 'subsec') - unixepoch(begun_at, 'subsec') AS seconds,
    EXISTS (SELECT 1 FROM steps AS other WHERE other.run = steps.run AND other.step = steps.step - 1)
        AS previous,
    EXISTS (SELECT 1 FROM steps AS other WHERE other.run = steps.run AND other.step = steps.step + 1)
        AS next
    FROM steps WHERE run = ? AND step = ?";

const GROUPS: &str = concat!(
    "SELECT groups.problem, substr(problems.text, 1, 200) AS text,
    groups.before, groups.after, hints.kind AS hint, ",
    counts!(),
    " FROM groups
    CROSS JOIN problems
      ON problems.run = groups.run AND problems.split = 'train' AND problems.id = groups.problem
    LEFT JOIN rollouts
      ON rollouts.run = groups.run AND rollouts.step = groups.step
     AND rollouts.problem = groups.problem
    LEFT JOIN hints
      ON hints.run = groups.run AND hints.step = groups.step AND hints.problem = groups.problem
    WHERE groups.run = ? AND groups.step = ?
    GROUP BY groups.problem
    ORDER BY CASE before WHEN 'none' THEN 0 WHEN 'some' THEN 1 WHEN 'all' THEN 2 ELSE 3 END,
             groups.problem
    LIMIT ? OFFSET ?"
);

/// The timed phases, by their metrics.
pub const PHASES: [(&str, Metric); 4] = [
    ("first trial", Metric::FirstTrialSeconds),
    ("second trial", Metric::SecondTrialSeconds),
    ("train", Metric::TrainSeconds),
    ("push", Metric::PublishSeconds),
];

/// The rest of a step's time.
pub const OTHER: &str = "other";

/// The phases of a step.
fn phases(wall: Option<f64>, metric: &dyn Fn(&str) -> Option<f64>) -> Vec<PhaseSpan> {
    let timed = PHASES
        .into_iter()
        .filter_map(|(name, key)| Some(PhaseSpan { name, seconds: metric(key.name())? }));
    let mut phases: Vec<PhaseSpan> = timed.collect();
    let sum: f64 = phases.iter().map(|phase| phase.seconds).sum();
    if let Some(other) = wall.map(|wall| wall - sum).filter(|&other| other > 0.0) {
        phases.push(PhaseSpan { name: OTHER, seconds: other });
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_step_is_other() {
        let metric = |name: &str| (name == "train_seconds").then_some(2.0);
        let found = phases(Some(3.0), &metric);
        let shown: Vec<_> = found.iter().map(|phase| (phase.name, phase.seconds)).collect();
        assert_eq!(shown, [("train", 2.0), ("other", 1.0)]);
        assert_eq!(
            phases(Some(1.5), &metric).len(),
            1,
            "two phases at once take longer than the clock"
        );
    }
}

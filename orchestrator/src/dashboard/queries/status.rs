//! How a run is: the header of its pages.

use serde::Serialize;
use sqlx::{FromRow, SqliteConnection};
use utoipa::ToSchema;

use super::runs::{LAST_CHANGE, Run};
use crate::dashboard::format::{now, roughly};
use crate::dashboard::problem::Problem;
use crate::live::{ActivityNow, Snapshot, Status};

/// A run whose log has not changed for longer is not known to run.
const FRESH_SECONDS: f64 = 60.0;

/// How a run is, from its log and, where this process trains it, from what it does now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunStatus {
    /// The run.
    pub run: String,
    /// How it is, in a word or a few.
    pub word: String,
    /// What kind of word that is.
    pub tone: Tone,
    /// Whether this process trains it.
    pub live: bool,
    /// The step under way, or the last one.
    pub step: u64,
    /// Steps in all, where that is known.
    pub steps: Option<u64>,
    /// What it is doing.
    pub activities: Vec<ActivityNow>,
    /// The last version that was seen to be served.
    pub weight_version: u64,
    /// Seconds to the end, by the last steps.
    pub eta_seconds: Option<f64>,
    /// Sampled tokens a second of rollouts, over the last steps.
    pub tokens_per_second: Option<f64>,
    /// Seconds since the log changed.
    pub last_change_seconds: f64,
}

/// Kinds of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// It goes on.
    Good,
    /// It waits for something or someone.
    Waiting,
    /// Something is wrong.
    Bad,
    /// It is over, or another process trains it.
    Quiet,
}

#[derive(FromRow)]
struct Numbers {
    begun: Option<i64>,
    committed: i64,
    version: Option<i64>,
    step_seconds: Option<f64>,
    tokens_per_second: Option<f64>,
}

/// Over the last ten steps.
const NUMBERS: &str = "WITH last AS (
    SELECT step, committed_at FROM steps WHERE run = ?1 AND committed_at IS NOT NULL
    ORDER BY step DESC LIMIT 10
), spent AS (
    SELECT sum(value) FILTER (WHERE name IN ('first_trial_tokens', 'second_trial_tokens')) AS tokens,
           sum(value) FILTER (WHERE name IN ('first_trial_seconds', 'second_trial_seconds'))
               AS seconds
    FROM step_metrics WHERE run = ?1 AND step >= (SELECT min(step) FROM last)
)
SELECT (SELECT max(step) FROM steps WHERE run = ?1) AS begun,
       (SELECT coalesce(max(step), 0) FROM last) AS committed,
       (SELECT max(version) FROM weights WHERE run = ?1) AS version,
       (SELECT (unixepoch(max(committed_at), 'subsec') - unixepoch(min(committed_at), 'subsec'))
               / nullif(count(*) - 1, 0) FROM last) AS step_seconds,
       (SELECT tokens / nullif(seconds, 0) FROM spent) AS tokens_per_second";

/// How a run is. `live` is of the run that this process trains, whichever that is.
pub async fn read(
    db: &mut SqliteConnection,
    run: &Run,
    live: Option<&Snapshot>,
) -> Result<RunStatus, Problem> {
    let live = live.filter(|live| live.run == run.name);
    let numbers: Numbers = sqlx::query_as(NUMBERS).bind(run.id).fetch_one(&mut *db).await?;
    let changed: Option<f64> = sqlx::query_scalar(LAST_CHANGE).bind(run.id).fetch_one(db).await?;
    let age = changed.map_or(0.0, |changed| (now() - changed).max(0.0));
    let begun = numbers.begun.unwrap_or_default().cast_unsigned();
    let committed = numbers.committed.cast_unsigned();
    let (word, tone) = match live {
        Some(live) => live_word(live),
        None => logged_word(age),
    };
    let steps = live.map(|live| live.steps);
    // What has ended trains no more, though its process still knows it.
    let trains = live.is_some_and(|live| live.status != Status::Ended);
    let left = steps.map(|steps| steps.saturating_sub(committed));
    Ok(RunStatus {
        run: run.name.clone(),
        word,
        tone,
        live: trains,
        step: begun.max(committed),
        steps,
        activities: live.map(|live| live.activities.clone()).unwrap_or_default(),
        weight_version: numbers.version.unwrap_or_default().cast_unsigned(),
        eta_seconds: left.zip(numbers.step_seconds).map(|(left, each)| left as f64 * each),
        tokens_per_second: numbers.tokens_per_second,
        last_change_seconds: age,
    })
}

fn live_word(live: &Snapshot) -> (String, Tone) {
    match &live.status {
        Status::Running if live.wishes.stop => ("stops after this step".into(), Tone::Waiting),
        Status::Running if live.wishes.pause => ("pauses after this step".into(), Tone::Waiting),
        Status::Running => ("running".into(), Tone::Good),
        Status::Paused { seconds } => (format!("paused {}", roughly(*seconds)), Tone::Waiting),
        Status::Waiting { what, seconds } => {
            (format!("waiting {} for {what}", roughly(*seconds)), Tone::Waiting)
        }
        Status::Stalled { seconds } => (format!("stalled {}", roughly(*seconds)), Tone::Bad),
        Status::Ended => ("ended".into(), Tone::Quiet),
    }
}

/// The log does not say whether anyone trains.
fn logged_word(age: f64) -> (String, Tone) {
    let tone = if age < FRESH_SECONDS { Tone::Good } else { Tone::Quiet };
    (format!("not running here; last entry {} ago", roughly(age)), tone)
}

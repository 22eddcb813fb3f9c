//! The data of a run's overview.
//!
//! Committed steps and evaluations never change, so data is cached until there
//! are more of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use retrial_protocol::Metric;
use serde::Serialize;
use sqlx::SqliteConnection;
use sqlx::types::Json;
use utoipa::ToSchema;

use super::runs::RunInfo;
use super::trouble::{self, RecentTrouble};
use crate::error::ReadError;
use crate::reader::View;
use crate::row::from_row;

/// The data of a run in the log, as series over its committed steps.
#[derive(Clone, Debug, Default)]
pub struct RunData {
    /// The committed steps.
    pub steps: Vec<StepTimes>,
    /// The metrics of the steps by name, including those that this version does not know; as long
    /// as `steps`.
    pub metrics: HashMap<String, Vec<Option<f64>>>,
    /// Held-out evaluations, by set and version.
    pub evaluations: Vec<Evaluation>,
    /// Number of problems by the steps in which they were first tried and first solved.
    pub coverage: Vec<Coverage>,
    /// Number of problems by the steps in which they were first rescued, seen again, and solved without a hint.
    pub graduations: Vec<Graduation>,
    /// The latest served versions, the latest first.
    pub weights: Vec<Weights>,
    /// The share of correct un-hinted rollouts by the tags of their problems.
    pub sources: Vec<Source>,
    /// Results of each source's problems in each step, by source and step.
    pub by_source: Vec<SourceStep>,
    /// What may have gone wrong lately.
    pub trouble: RecentTrouble,
    /// Number of training problems.
    pub train_problems: u64,
    /// Problems of all steps; repeated ones count again.
    pub visits: u64,
}

/// Timing of a step.
#[derive(Clone, Copy, Debug)]
pub struct StepTimes {
    /// The step.
    pub step: u64,
    /// Seconds from its beginning to its commit.
    pub seconds: f64,
}

from_row!(StepTimes { step, seconds });

/// A held-out evaluation.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The held-out set.
    pub split: String,
    /// The version of the weights.
    pub version: u64,
    /// Samples a problem.
    pub k: u64,
    /// Problems.
    pub problems: u64,
    /// Pass@1.
    pub pass_at_1: f64,
    /// Unbiased Pass@k.
    pub pass_at_k: f64,
}

from_row!(Evaluation { split, version, k, problems, pass_at_1, pass_at_k });

/// Number of problems that were first tried in one step and first solved in another.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    /// The step of the first try.
    pub tried: u64,
    /// The step of the first solution, hinted ones included.
    pub solved: Option<u64>,
    /// How many.
    pub problems: u64,
}

from_row!(Coverage { tried, solved, problems });

/// Number of problems that were rescued in one step and solved without a hint in a later one.
#[derive(Clone, Copy, Debug)]
pub struct Graduation {
    /// The step of the first rescue.
    pub rescued: u64,
    /// The step in which they came again first.
    pub again: Option<u64>,
    /// The step of the first solution without a hint.
    pub graduated: Option<u64>,
    /// How many.
    pub problems: u64,
}

from_row!(Graduation { rescued, again, graduated, problems });

/// A version that servers served.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Weights {
    /// The version.
    pub version: u64,
    /// Its folder.
    pub folder: String,
    /// Largest difference of a probe token's log-probability between server and trainer, nats.
    pub max_difference: Option<f64>,
    /// When it was verified.
    pub published_at: String,
    /// Seconds that the push and its verification took.
    pub push_seconds: Option<f64>,
}

from_row!(Weights { version, folder, max_difference, published_at, push_seconds });

/// Results of problems with a tag.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Source {
    /// The tag, and its value.
    pub tag: String,
    /// The value.
    pub value: String,
    /// Un-hinted rollouts over the last steps.
    pub rollouts: u64,
    /// Their mean reward.
    pub reward: Option<f64>,
}

from_row!(Source { tag, value, rollouts, reward });

/// Results of a source's problems in a step: a row of the view `source_history`.
#[derive(Clone, Debug)]
pub struct SourceStep {
    /// The source: the value of a tag.
    pub source: String,
    /// The step.
    pub step: u64,
    /// Un-hinted rollouts.
    pub tries: u64,
    /// The share of them that passed.
    pub pass_rate: f64,
    /// Their mean reward.
    pub reward: f64,
}

from_row!(SourceStep { source, step, tries, pass_rate, reward });

const BY_SOURCE: &str = "SELECT source, step, tries, pass_rate, reward FROM source_history
    WHERE run = ?";

/// Steps covered by the table of sources.
pub const SOURCE_STEPS: i64 = 10;

const STEPS: &str = "SELECT step,
    unixepoch(committed_at, 'subsec') - unixepoch(begun_at, 'subsec') AS seconds
    FROM steps WHERE run = ? AND committed_at IS NOT NULL ORDER BY step";

/// A metric: its name, its steps, its numbers.
type MetricRow = (String, Json<Vec<u64>>, Json<Vec<Option<f64>>>);

/// One row for each metric: single rows would be slow. JSON has no infinite numbers.
const METRICS: &str = "SELECT name, json_group_array(step) AS steps,
    json_group_array(iif(abs(value) < 9e999, value, NULL)) AS numbers
    FROM step_metrics WHERE run = ? GROUP BY name";

const EVALUATIONS: &str = "SELECT split, version, k, problems, pass_at_1, pass_at_k
    FROM evaluations WHERE run = ? ORDER BY split, version";

const COVERAGE: &str = "SELECT first_step AS tried, first_solved_step AS solved,
    count(*) AS problems
    FROM problem_tallies WHERE run = ? GROUP BY tried, solved ORDER BY tried, solved";

const GRADUATIONS: &str = "SELECT first_rescued_step AS rescued, again_step AS again,
    graduated_step AS graduated, count(*) AS problems
    FROM problem_tallies WHERE run = ? AND first_rescued_step IS NOT NULL
    GROUP BY rescued, again, graduated ORDER BY rescued, again, graduated";

const WEIGHTS: &str = "SELECT weights.version, folder, max_difference, published_at,
    step_metrics.value AS push_seconds
    FROM weights LEFT JOIN step_metrics
      ON step_metrics.run = weights.run AND step_metrics.step = weights.version
     AND step_metrics.name = ?2
    WHERE weights.run = ?1 ORDER BY weights.version DESC LIMIT 5";

const SOURCES: &str = "SELECT tags.key AS tag, CAST(tags.value AS TEXT) AS value,
    count(*) AS rollouts, avg(rollouts.reward) AS reward
    FROM rollouts
    CROSS JOIN problems
      ON problems.run = rollouts.run AND problems.split = 'train' AND problems.id = rollouts.problem
    CROSS JOIN json_each(problems.tags) AS tags
    WHERE rollouts.run = ?1 AND rollouts.trial = 'first' AND rollouts.reward IS NOT NULL
      AND rollouts.step > (SELECT max(step) FROM steps WHERE run = ?1 AND committed_at IS NOT NULL) - ?2
    GROUP BY tags.key, tags.value ORDER BY tags.key, rollouts DESC, value LIMIT 40";

const TRAIN_PROBLEMS: &str = "SELECT count(*) FROM problems WHERE run = ? AND split = 'train'";
const VISITS: &str = "SELECT coalesce(sum(visits), 0) FROM problem_tallies WHERE run = ?";

/// Key of cached data: it is read again when this changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Extent {
    started_at: String,
    committed: Option<i64>,
    evaluations: i64,
}

from_row!(Extent { started_at, committed, evaluations });

const EXTENT: &str = "SELECT started_at,
    (SELECT max(step) FROM steps WHERE run = runs.id AND committed_at IS NOT NULL) AS committed,
    (SELECT count(*) FROM evaluations WHERE run = runs.id) AS evaluations
    FROM runs WHERE id = ?";

/// Number of cached runs.
const KEPT: usize = 8;

/// Cached data of runs.
#[derive(Debug, Default)]
pub struct RunCache(Mutex<HashMap<i64, (Extent, Arc<RunData>)>>);

impl RunCache {
    /// The data of a run in the log.
    pub async fn data(
        &self,
        view: &mut View<'_>,
        run: &RunInfo,
    ) -> Result<Arc<RunData>, ReadError> {
        let extent: Extent = sqlx::query_as(EXTENT).bind(run.id).fetch_one(&mut *view.db).await?;
        if let Some((_, data)) = self.lock().get(&run.id).filter(|(known, _)| *known == extent) {
            return Ok(Arc::clone(data));
        }
        let data = Arc::new(read(view.db, run).await?);
        let mut known = self.lock();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(run.id, (extent, Arc::clone(&data)));
        Ok(data)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i64, (Extent, Arc<RunData>)>> {
        // No code panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(db: &mut SqliteConnection, run: &RunInfo) -> sqlx::Result<RunData> {
    let id = run.id;
    let steps: Vec<StepTimes> = sqlx::query_as(STEPS).bind(id).fetch_all(&mut *db).await?;
    let places: BTreeMap<u64, usize> =
        steps.iter().enumerate().map(|(place, times)| (times.step, place)).collect();
    let mut metrics: HashMap<String, Vec<Option<f64>>> = HashMap::new();
    let rows: Vec<MetricRow> = sqlx::query_as(METRICS).bind(id).fetch_all(&mut *db).await?;
    for (name, Json(at), Json(numbers)) in rows {
        let mut series = vec![None; steps.len()];
        for (step, number) in at.iter().zip(numbers) {
            let Some(&place) = places.get(step) else { continue };
            series[place] = number;
        }
        metrics.insert(name, series);
    }
    let push_seconds = Metric::PublishSeconds.name();
    let weights = sqlx::query_as(WEIGHTS).bind(id).bind(push_seconds).fetch_all(&mut *db).await?;
    let sources = sqlx::query_as(SOURCES).bind(id).bind(SOURCE_STEPS).fetch_all(&mut *db).await?;
    Ok(RunData {
        steps,
        metrics,
        evaluations: sqlx::query_as(EVALUATIONS).bind(id).fetch_all(&mut *db).await?,
        coverage: sqlx::query_as(COVERAGE).bind(id).fetch_all(&mut *db).await?,
        graduations: sqlx::query_as(GRADUATIONS).bind(id).fetch_all(&mut *db).await?,
        weights,
        sources,
        trouble: trouble::read(db, id).await?,
        by_source: sqlx::query_as(BY_SOURCE).bind(&run.name).fetch_all(&mut *db).await?,
        train_problems: count(db, TRAIN_PROBLEMS, id).await?,
        visits: count(db, VISITS, id).await?,
    })
}

async fn count(db: &mut SqliteConnection, query: &'static str, run: i64) -> sqlx::Result<u64> {
    sqlx::query_scalar(query).bind(run).fetch_one(db).await.map(i64::cast_unsigned)
}

impl RunData {
    /// The values of a metric in every step.
    pub fn metric(&self, metric: Metric) -> Vec<Option<f64>> {
        self.metrics.get(metric.name()).cloned().unwrap_or_else(|| vec![None; self.steps.len()])
    }

    /// The committed steps.
    pub fn step_numbers(&self) -> Vec<u64> {
        self.steps.iter().map(|times| times.step).collect()
    }
}

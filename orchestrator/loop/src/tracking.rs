//! Sends the events of a run to its tracker.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use retrial_live::Recent;
use retrial_protocol::{Metric, WeightVersion};
use retrial_store::{Reader, StepMetrics};
use retrial_track::{Event, MetricInfo, Outcome, Tracker};
use tokio::task::JoinHandle;

use crate::evaluate::Scores;
use crate::failure::Failure;
use crate::open::Run;
use crate::summary::StepSummary;

/// Prefix of scores in the log, before the name of the set.
const HELD_OUT: &str = "held_out/";

/// The tracker of a run.
#[derive(Debug)]
pub struct Tracking {
    tracker: Arc<Tracker>,
    warnings: JoinHandle<()>,
    /// Versions whose evaluation was sent.
    evaluated: HashSet<u64>,
}

impl Tracking {
    /// Starts the tracker of a run, if it has one, and sends it the events in the log.
    /// Warnings of the program come from `recent`.
    pub async fn start(run: &Run, recent: &Recent) -> Result<Option<Self>, Failure> {
        let context = &run.context;
        let track = &context.config.track;
        if track.command.is_empty() {
            return Ok(None);
        }
        let log = context.config.weights().join("tracker.log");
        let grace = Duration::from_secs(track.end_seconds);
        let tracker = Tracker::start(&track.command, &log, grace).map_err(Failure::input)?;
        tracker.tell(&beginning(run).await?);
        let mut evaluated = HashSet::new();
        for step in history(run).await? {
            replay(&tracker, step, &mut evaluated);
        }
        let tracker = Arc::new(tracker);
        let warnings = tokio::spawn(forward(recent.clone(), Arc::clone(&tracker)));
        Ok(Some(Self { tracker, warnings, evaluated }))
    }

    /// Sends a committed step.
    pub fn stepped(&self, summary: &StepSummary) {
        let named = |(metric, value): (Metric, f64)| (metric.name().to_owned(), value);
        let metrics = summary.metrics().into_iter().map(named);
        let metrics = metrics.filter(|(_, value)| value.is_finite()).collect();
        self.tracker.tell(&Event::Step { step: summary.step.0, metrics, replayed: false });
    }

    /// Sends the scores of a version, once.
    pub fn evaluated(&mut self, version: WeightVersion, scores: &Scores) {
        if scores.is_empty() || !self.evaluated.insert(version.0) {
            return;
        }
        let of_set = |(name, score): (&String, &retrial_domain::Score)| {
            let at_k = format!("{HELD_OUT}{name}/pass_at_{}", score.k);
            [(format!("{HELD_OUT}{name}/pass_at_1"), score.pass_at_1), (at_k, score.pass_at_k)]
        };
        let metrics = scores.iter().flat_map(of_set).collect();
        self.tracker.tell(&Event::Evaluation { step: version.0, metrics, replayed: false });
    }

    /// Sends how the run ended, and waits for the tracker.
    pub async fn end(self, outcome: &Result<WeightVersion, Failure>) {
        let (outcome, message) = match outcome {
            Ok(_) => (Outcome::Finished, None),
            Err(Failure::Interrupted { .. }) => (Outcome::Stopped, None),
            Err(Failure::Input(error) | Failure::Work(error)) => {
                (Outcome::Failed, Some(format!("{error:#}")))
            }
        };
        self.warnings.abort();
        // Once it is aborted, nothing else holds the tracker.
        let _ = self.warnings.await;
        if let Some(tracker) = Arc::into_inner(self.tracker) {
            tracker.end(&Event::End { outcome, message }).await;
        }
    }
}

/// The first event: the run.
async fn beginning(run: &Run) -> Result<Event, Failure> {
    let context = &run.context;
    let started_at = context.store.started_at(context.id).await?;
    let digits: String = started_at.chars().filter(char::is_ascii_digit).collect();
    let name = &context.config.run.name;
    let info = |&metric: &Metric| MetricInfo {
        name: metric.name(),
        unit: metric.unit(),
        formula: metric.formula(),
        panel: metric.panel().as_str(),
    };
    Ok(Event::Run {
        run: name.clone(),
        id: format!("{name}-{digits}"),
        resumed: run.done > WeightVersion(0),
        steps: context.config.run.steps,
        config: context.config.settings(),
        metrics: Metric::ALL.iter().map(info).collect(),
    })
}

/// The events in the log of the run.
async fn history(run: &Run) -> Result<Vec<StepMetrics>, Failure> {
    let config = &run.context.config;
    let mut session = Reader::open(&config.run.database).await?.session().await?;
    let steps = session.view().step_metrics(std::slice::from_ref(&config.run.name)).await;
    Ok(steps.context("cannot read the steps for the tracker")?)
}

/// Sends a step of an earlier process.
fn replay(tracker: &Tracker, made: StepMetrics, evaluated: &mut HashSet<u64>) {
    let step = made.step.cast_unsigned();
    let finite = made.metrics.into_iter().filter(|(_, value)| value.is_finite());
    let (scores, metrics): (BTreeMap<_, _>, _) =
        finite.partition(|(name, _)| name.starts_with(HELD_OUT));
    if !metrics.is_empty() {
        tracker.tell(&Event::Step { step, metrics, replayed: true });
    }
    if !scores.is_empty() {
        evaluated.insert(step);
        tracker.tell(&Event::Evaluation { step, metrics: scores, replayed: true });
    }
}

/// Sends every warning of the program.
async fn forward(recent: Recent, tracker: Arc<Tracker>) {
    let mut notices = recent.follow();
    while let Some(notice) = notices.recv().await {
        let (step, level, message) = (notice.step, notice.level, notice.message);
        tracker.tell(&Event::Warning { step, level, message });
    }
}

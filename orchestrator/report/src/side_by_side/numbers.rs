//! Numbers of runs: sums, last values, held-out scores.

use retrial_protocol::Metric;
use retrial_store::RunData;
use serde::Serialize;
use utoipa::ToSchema;

/// Sums and last values of runs.
const NUMBERS: [(&str, Metric, Kind); 7] = [
    ("training reward, last step", Metric::FirstTrialPassRate, Kind::Last),
    ("second trials", Metric::HintedProblems, Kind::Sum),
    ("rescued", Metric::RescuedProblems, Kind::Sum),
    ("tokens, first trial", Metric::FirstTrialTokens, Kind::Sum),
    ("tokens, second trial", Metric::SecondTrialTokens, Kind::Sum),
    ("seconds, both trials", Metric::FirstTrialSeconds, Kind::Sum),
    ("seconds, training", Metric::TrainSeconds, Kind::Sum),
];

#[derive(Clone, Copy)]
enum Kind {
    Sum,
    Last,
}

/// A number of each run.
#[derive(Debug, Serialize, ToSchema)]
pub struct NumberLine {
    /// Its name.
    pub name: String,
    /// Its value in each run.
    pub values: Vec<Option<f64>>,
}

/// A line for each number.
pub fn numbers(data: &[&RunData]) -> Vec<NumberLine> {
    let mut lines = vec![NumberLine {
        name: "steps".into(),
        values: data.iter().map(|data| Some(data.steps.len() as f64)).collect(),
    }];
    let mut sets: Vec<&str> = data
        .iter()
        .flat_map(|data| data.evaluations.iter().map(|found| found.split.as_str()))
        .collect();
    sets.sort_unstable();
    sets.dedup();
    for set in sets {
        let last = |data: &&RunData| {
            data.evaluations.iter().rfind(|found| found.split == set).map(|found| found.pass_at_1)
        };
        let first = |data: &&RunData| {
            data.evaluations.iter().find(|found| found.split == set).map(|found| found.pass_at_1)
        };
        lines.push(NumberLine {
            name: format!("held-out {set}: first Pass@1"),
            values: data.iter().map(first).collect(),
        });
        lines.push(NumberLine {
            name: format!("held-out {set}: last Pass@1"),
            values: data.iter().map(last).collect(),
        });
    }
    lines.extend(NUMBERS.map(|(name, metric, kind)| {
        let value = |data: &&RunData| {
            let values = data.metrics.get(metric.name())?.iter().flatten();
            match kind {
                Kind::Sum => Some(values.sum()),
                Kind::Last => values.copied().last(),
            }
        };
        NumberLine { name: name.into(), values: data.iter().map(value).collect() }
    }));
    lines
}

//! Held-out scores with their uncertainty, and the reward in training.

use std::collections::BTreeMap;

use retrial_protocol::{Metric, PanelKey};
use retrial_store::{Evaluation, RunData, SourceStep};

use crate::panel::{Gaps, Over, Panel, Range, Series, Shape};
use crate::series::smoothed;

/// Steps over which the reward is smoothed.
const SPAN: f64 = 10.0;

/// The quantile of the normal distribution for a 95 % confidence interval.
const Z: f64 = 1.959_964;

/// A panel for each held-out set.
pub fn panels(data: &RunData) -> Vec<Panel> {
    let mut sets: Vec<&str> = data.evaluations.iter().map(|found| found.split.as_str()).collect();
    sets.dedup();
    if sets.is_empty() {
        return vec![none()];
    }
    sets.into_iter().map(|set| panel(set, data)).collect()
}

fn panel(set: &str, data: &RunData) -> Panel {
    let found: Vec<&Evaluation> =
        data.evaluations.iter().filter(|found| found.split == set).collect();
    let k = found.last().map_or(1, |found| found.k);
    let problems = found.last().map_or(0, |found| found.problems);
    let series = |name: String, value: fn(&Evaluation) -> f64| {
        let ends: Vec<(f64, f64)> =
            found.iter().map(|found| wilson(value(found), found.problems as f64)).collect();
        Series {
            name,
            faint: false,
            values: found.iter().map(|found| Some(value(found))).collect(),
            low: Some(ends.iter().map(|ends| Some(ends.0)).collect()),
            high: Some(ends.iter().map(|ends| Some(ends.1)).collect()),
        }
    };
    Panel {
        id: format!("held-out-{set}"),
        title: format!("Held-out: {set}"),
        formula: format!(
            "Pass@1: mean share of correct samples. Pass@{k}: mean over problems of \
             1 − C(n−c, {k}) / C(n, {k}), unbiased. Band: Wilson's interval of 95 % for {problems} \
             problems, which is wide for Pass@1."
        ),
        over: Over::WeightVersion,
        shape: Shape::Lines,
        gaps: Gaps::Joined,
        range: Range::Share,
        x: found.iter().map(|found| found.version).collect(),
        series: vec![
            series("Pass@1".into(), |found| found.pass_at_1),
            series(format!("Pass@{k}"), |found| found.pass_at_k),
        ],
        figures: Vec::new(),
        empty: None,
    }
}

fn none() -> Panel {
    Panel {
        id: "held-out".into(),
        title: "Held-out".into(),
        formula: "Pass@1 and unbiased Pass@k on problems that are not trained on.".into(),
        over: Over::WeightVersion,
        shape: Shape::Lines,
        gaps: Gaps::Joined,
        range: Range::Share,
        x: Vec::new(),
        series: Vec::new(),
        figures: Vec::new(),
        empty: Some(
            "No evaluation yet. [data.heldout] of the configuration names the sets, \
             [evaluation] every says how often.",
        ),
    }
}

/// The reward of the un-hinted rollouts.
pub fn reward(data: &RunData) -> Panel {
    let raw = data.metric(Metric::FirstTrialPassRate);
    let smooth = smoothed(&raw, SPAN);
    let formula = "Share of the rollouts of the first trial that passed: un-hinted ones only, hinted \
                   rollouts are never mixed in. Smoothed: exponential mean over about 10 steps. Mean \
                   reward: where rewards are not only 0 and 1.";
    let mut panel = Panel::over_steps(data, PanelKey::Reward.as_str(), "Training reward", formula)
        .range(Range::Share)
        .series("smoothed", smooth)
        .series("each step", raw)
        .or_empty("No step has its reward yet.");
    panel.series[1].faint = true;
    let mean = data.metric(Metric::FirstTrialReward);
    if mean.iter().any(Option::is_some) { panel.series("mean reward", mean) } else { panel }
}

/// Most sources that a panel shows: those with the most rollouts.
const SOURCES: usize = 8;

/// How the problems of each source fare; no panel where no problem has a source.
pub fn sources(data: &RunData) -> Option<Panel> {
    let mut rollouts: BTreeMap<&str, u64> = BTreeMap::new();
    for found in &data.by_source {
        *rollouts.entry(&found.source).or_default() += found.tries;
    }
    let mut sources: Vec<(&str, u64)> = rollouts.into_iter().collect();
    sources.sort_by_key(|&(_, tries)| std::cmp::Reverse(tries));
    let formula = "Share of the rollouts of the first trial that passed, by the source of their \
                   problems: the tag by which [reward] chooses a verifier, else data_source. \
                   Smoothed over about 10 steps. n counts rollouts.";
    let panel = Panel::over_steps(data, "sources", "Pass rate by source", formula);
    let with_series = |panel: Panel, &(source, tries): &(&str, u64)| {
        let at = |step: u64| {
            let of = |found: &&SourceStep| found.source == source && found.step == step;
            data.by_source.iter().find(of).map(|found| found.pass_rate)
        };
        let rates: Vec<Option<f64>> = data.steps.iter().map(|times| at(times.step)).collect();
        panel.series(&format!("{source} (n {tries})"), smoothed(&rates, SPAN))
    };
    let shown = sources.iter().take(SOURCES).fold(panel.range(Range::Share), with_series);
    (!sources.is_empty()).then_some(shown)
}

/// Wilson's 95 % confidence interval for a share over `n` problems. For values between 0 and 1 that are
/// not all 0 or 1, like those of Pass@1, it is wider than necessary.
fn wilson(share: f64, n: f64) -> (f64, f64) {
    let n = n.max(1.0);
    let square = Z * Z;
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = Z / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        let close = |(low, high): (f64, f64), expected: (f64, f64)| {
            assert!((low - expected.0).abs() < 5e-4, "{low}");
            assert!((high - expected.1).abs() < 5e-4, "{high}");
        };
        // Values of Wilson (1927) as tabulated in textbooks.
        close(wilson(0.5, 100.0), (0.4038, 0.5962));
        close(wilson(0.0, 10.0), (0.0, 0.2775));
        close(wilson(1.0, 10.0), (0.7225, 1.0));
    }
}

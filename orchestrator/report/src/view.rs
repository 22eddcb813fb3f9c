//! How panels are looked at: another vertical scale, smoothed, over tokens or time.

use std::collections::BTreeMap;

use retrial_protocol::Metric;
use retrial_store::RunData;

use crate::panel::{Over, Panel, Range, Shape};
use crate::panels::{Section, sections};
use crate::series::smoothed;

/// How panels are looked at; by default as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The vertical axis.
    pub scale: Scale,
    /// Steps that lines are smoothed over, if they are.
    pub smooth: Option<u32>,
    /// The horizontal axis.
    pub axis: Axis,
}

/// Vertical axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Each panel's own.
    #[default]
    Auto,
    /// With 0, and for shares with 1.
    Full,
    /// From the least to the greatest number.
    Fitted,
    /// Powers of ten.
    Log,
}

/// Horizontal axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Axis {
    /// Steps, or versions of the weights.
    #[default]
    Step,
    /// Sampled tokens.
    Tokens,
    /// Time.
    Time,
}

impl View {
    /// The panels of a run, looked at like this.
    pub fn sections(&self, data: &RunData) -> Vec<Section> {
        let places = self.places(data);
        let mut all = sections(data);
        for panel in all.iter_mut().flat_map(|section| &mut section.panels) {
            self.apply(panel, places.as_ref());
        }
        all
    }

    /// What steps are on the horizontal axis; none if it is theirs.
    fn places(&self, data: &RunData) -> Option<(Over, BTreeMap<u64, u64>)> {
        let steps = data.step_numbers();
        let (over, each): (Over, Vec<f64>) = match self.axis {
            Axis::Step => return None,
            Axis::Tokens => {
                let [first, second] =
                    [Metric::FirstTrialTokens, Metric::SecondTrialTokens].map(|of| data.metric(of));
                let sum = |(a, b): (&Option<f64>, &Option<f64>)| {
                    a.unwrap_or_default() + b.unwrap_or_default()
                };
                (Over::Tokens, first.iter().zip(&second).map(sum).collect())
            }
            Axis::Time => (Over::Seconds, data.steps.iter().map(|times| times.seconds).collect()),
        };
        let mut sum = 0.0;
        let places = steps.iter().zip(each).map(|(step, each)| {
            sum += each;
            (*step, sum as u64)
        });
        // Version 0 was there before the first step.
        Some((over, std::iter::once((0, 0)).chain(places).collect()))
    }

    fn apply(&self, panel: &mut Panel, places: Option<&(Over, BTreeMap<u64, u64>)>) {
        if let Some((over, places)) = places {
            panel.over = *over;
            // A version that was evaluated before its step was committed is there at its end.
            let last = places.values().next_back().copied().unwrap_or_default();
            panel.x = panel.x.iter().map(|x| places.get(x).copied().unwrap_or(last)).collect();
        }
        panel.range = match (self.scale, panel.range) {
            (Scale::Auto, range) => range,
            (Scale::Full, Range::Share) => Range::Whole,
            (Scale::Full, _) => Range::Zero,
            (Scale::Fitted, _) => Range::Free,
            // Layers on top of each other mean nothing on it.
            (Scale::Log, range) if panel.shape == Shape::Stacked => range,
            (Scale::Log, _) => Range::Log,
        };
        if let Some(span) = self.smooth.filter(|_| panel.shape == Shape::Lines) {
            for series in &mut panel.series {
                series.values = smoothed(&series.values, f64::from(span));
                (series.low, series.high) = (None, None);
            }
            let formula = &panel.formula;
            panel.formula =
                format!("{formula} Smoothed: exponential mean over about {span} points.");
        }
    }
}

#[cfg(test)]
mod tests {
    use retrial_store::StepTimes;

    use super::*;

    fn data() -> RunData {
        let values = |all: [f64; 3]| all.map(Some).to_vec();
        RunData {
            steps: (1..=3).map(|step| StepTimes { step, seconds: 10.0 }).collect(),
            metrics: [
                (Metric::FirstTrialTokens, values([100.0, 200.0, 300.0])),
                (Metric::FirstTrialPassRate, values([0.2, 0.4, 0.9])),
                (Metric::GradNorm, values([1.0, 4.0, 1.0])),
            ]
            .map(|(metric, values)| (metric.name().to_owned(), values))
            .into(),
            ..RunData::default()
        }
    }

    fn panel(view: View, id: &str) -> Panel {
        let all = view.sections(&data());
        all.into_iter().flat_map(|found| found.panels).find(|panel| panel.id == id).unwrap()
    }

    #[test]
    fn the_axis_is_steps_tokens_or_time() {
        let over = |axis| {
            let found = panel(View { axis, ..View::default() }, "gradient");
            (found.over, found.x)
        };
        assert_eq!(over(Axis::Step), (Over::Step, vec![1, 2, 3]));
        assert_eq!(over(Axis::Tokens), (Over::Tokens, vec![100, 300, 600]));
        assert_eq!(over(Axis::Time), (Over::Seconds, vec![10, 20, 30]));
    }

    #[test]
    fn scales_are_chosen() {
        let range = |scale, id| panel(View { scale, ..View::default() }, id).range;
        assert_eq!(range(Scale::Full, "reward"), Range::Whole);
        assert_eq!(range(Scale::Log, "gradient"), Range::Log);
        assert_eq!(range(Scale::Log, "time"), Range::Zero, "layers stay as they are");
    }

    #[test]
    fn smoothing_says_so() {
        let found = panel(View { smooth: Some(3), ..View::default() }, "gradient");
        assert_eq!(found.series[0].values, [Some(1.0), Some(2.5), Some(1.75)]);
        assert!(found.formula.ends_with("over about 3 points."), "{}", found.formula);
    }
}

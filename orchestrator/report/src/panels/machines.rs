//! Time: phases of a step, tokens a second, pushes of weights.

use retrial_protocol::{Metric, PanelKey};
use retrial_store::{OTHER, PHASES, RunData};

use crate::panel::{Panel, Range};
use crate::series::ratio;

/// Durations of the phases of a step.
pub fn time(data: &RunData) -> Panel {
    let formula = "Seconds of a step: sampling and grading of both trials, the update with the \
                   writing of the version, the push with its verification; other: the rest from \
                   its beginning to its commit (hints, refining, log, waiting).";
    let mut panel =
        Panel::over_steps(data, PanelKey::Time.as_str(), "Time of a step", formula).stacked();
    let mut spent = vec![0.0; data.steps.len()];
    for (name, metric) in PHASES {
        let values = data.metric(metric);
        for (sum, value) in spent.iter_mut().zip(&values) {
            *sum += value.unwrap_or_default();
        }
        panel = panel.series(name, values);
    }
    let other = data
        .steps
        .iter()
        .zip(spent)
        .map(|(times, spent)| (spent > 0.0).then(|| (times.seconds - spent).max(0.0)));
    panel.series(OTHER, other.collect()).or_empty("No step has been timed yet.")
}

/// Throughput of rollouts.
pub fn tokens(data: &RunData) -> Panel {
    let sum = |metrics: [Metric; 2]| -> Vec<Option<f64>> {
        let [first, second] = metrics.map(|metric| data.metric(metric));
        let pairs = first.iter().zip(&second);
        pairs.map(|(first, second)| Some((*first)? + second.unwrap_or_default())).collect()
    };
    let tokens = sum([Metric::FirstTrialTokens, Metric::SecondTrialTokens]);
    let seconds = sum([Metric::FirstTrialSeconds, Metric::SecondTrialSeconds]);
    let formula = "Sampled tokens a second, over the seconds of both trials, grading included.";
    Panel::over_steps(data, PanelKey::Tokens.as_str(), "Tokens a second", formula)
        .series("sampled", ratio(&tokens, &seconds))
        .or_empty("No step has been timed yet.")
}

/// Duration of a push, during which servers are idle.
pub fn push(data: &RunData) -> Panel {
    let formula = "Seconds from the request to push the new weights until every server was seen to \
                   serve them.";
    Panel::over_steps(data, "push", "Push of the weights", formula)
        .series("seconds", data.metric(Metric::PublishSeconds))
        .or_empty("No version has been pushed yet.")
}

/// Staleness of the weights that sample.
pub fn staleness(data: &RunData) -> Panel {
    let formula = "Version that is trained minus version that sampled: 0, or up to \
                   [rollout] max_staleness where rollouts overlap with training.";
    Panel::over_steps(data, PanelKey::Staleness.as_str(), "Staleness", formula)
        .range(Range::Zero)
        .series("versions", data.metric(Metric::Staleness))
        .or_empty("No step has noted it.")
}

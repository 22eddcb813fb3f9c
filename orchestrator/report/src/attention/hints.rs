//! Hints that do not help.

use retrial_protocol::{Metric, PanelKey};

use super::entry::{Attention, Facts, Severity, Trouble};
use super::recent::latest;
use crate::format::share;
use crate::link;

/// Fewer hints say little.
const HINTS: u64 = 8;
/// From this share of the hints on, most second trials ask again what failed before.
const HINTS_SHARE: f64 = 0.5;
/// Fewer extra rollouts say little: they are those of a few problems.
const ROLLOUTS: f64 = 32.0;
/// As many of the latest extra rollouts are looked at, over whole steps: hints are rare in some.
const LATEST: f64 = 64.0;
/// Steps that are looked at at most.
const STEPS: usize = 10;
/// From this share of the responses on, hints have no effect. A problem or two may reach it in a healthy
/// run; the mean over the latest rollouts stays below a half.
const MISTAKES_SHARE: f64 = 0.6;

/// The same list of wrong answers again, though it did not help.
pub fn hints_repeated(facts: &Facts<'_>) -> Option<Attention> {
    let found = &facts.data.trouble.hints;
    let rate = found.repeated as f64 / found.hints.max(1) as f64;
    let page = match (&found.problem, found.step) {
        (Some(problem), Some(step)) => link::problem(facts.run, problem, Some(step)),
        _ => link::problems(facts.run),
    };
    (found.hints >= HINTS && rate >= HINTS_SHARE).then(|| Attention {
        kind: Trouble::HintsRepeated,
        severity: Severity::Watch,
        reason: format!(
            "Of the last {} hints {} listed the same wrong answers as one that had failed before.",
            found.hints, found.repeated
        ),
        value: rate,
        unit: "of the hints",
        advice:
            "Give hints more to say, by [hint] memory = \"run\" or a larger group, or leave these \
                 problems out."
                .into(),
        page,
    })
}

/// Responses give answers that their hint says are wrong.
pub fn mistakes_repeated(facts: &Facts<'_>) -> Option<Attention> {
    let rates = latest(facts.data, Metric::RepeatedMistakeRate, STEPS);
    let counts = latest(facts.data, Metric::SecondTrialRollouts, STEPS);
    let (mut repeated, mut all) = (0.0, 0.0);
    for (rate, count) in rates.iter().zip(counts).rev() {
        let (Some(rate), Some(count)) = (rate, count) else { continue };
        repeated += rate * count;
        all += count;
        if all >= LATEST {
            break;
        }
    }
    let rate = repeated / all;
    (all >= ROLLOUTS && rate >= MISTAKES_SHARE).then(|| Attention {
        kind: Trouble::MistakesRepeated,
        severity: Severity::Watch,
        reason: format!(
            "{} of the hinted responses give an answer that their own hint lists as wrong.",
            share(rate)
        ),
        value: rate,
        unit: "of the hinted responses",
        advice:
            "Read a few second trials: the model may not heed the words of [hint] templates, or \
                 the right answer of the data set is wrong."
                .into(),
        page: link::panel(facts.run, PanelKey::Repeats.as_str()),
    })
}

//! Verifiers that fail, or that pull in opposite directions.

use std::collections::{BTreeMap, BTreeSet};

use retrial_protocol::{Metric, PanelKey};

use crate::attention::entry::{Attention, Facts, Severity, Trouble};
use crate::attention::recent::{STEPS, sum};
use crate::format::{number, share};
use crate::link;

/// From this share of the responses on, what has no verdict is missed in the groups: one of a group of 16.
const UNJUDGED: f64 = 0.05;
/// From here on it is the rule.
const HALF: f64 = 0.5;
/// Fewer responses say little about two verifiers.
const JUDGED: usize = 64;
/// Correlation below which one verifier takes back what the other gives. Verifiers of different things,
/// like an answer and its form, have about 0.
const OPPOSED: f64 = -0.2;

/// The verifier gives up on responses.
pub fn verifier(facts: &Facts<'_>) -> Option<Attention> {
    let given_up = sum(facts.data, Metric::GivenUpVerdicts, STEPS);
    let judged = sum(facts.data, Metric::FirstTrialRollouts, STEPS)
        + sum(facts.data, Metric::SecondTrialRollouts, STEPS);
    let rate = given_up / (given_up + judged).max(1.0);
    (rate >= UNJUDGED).then(|| Attention {
        kind: Trouble::Verifier,
        severity: if rate >= HALF { Severity::Wasted } else { Severity::Watch },
        reason: format!(
            "The verifier gave no verdict on {} of the responses of the last steps.",
            share(rate)
        ),
        value: rate,
        unit: "of the responses",
        advice:
            "Look whether the verifier runs and answers in time ([reward] timeout_seconds); the \
                 warnings have its last words."
                .into(),
        page: link::panel(facts.run, PanelKey::Oddities.as_str()),
    })
}

/// One verifier takes back what another gives.
pub fn verifiers_disagree(facts: &Facts<'_>) -> Option<Attention> {
    let rewards = &facts.data.trouble.rewards;
    let names: BTreeSet<&String> = rewards.iter().flat_map(BTreeMap::keys).collect();
    let names: Vec<&String> = names.into_iter().collect();
    let pairs = names
        .iter()
        .enumerate()
        .flat_map(|(place, one)| names[place + 1..].iter().map(move |other| (*one, *other)));
    let judged = pairs.filter_map(|(one, other)| {
        let both: Vec<(f64, f64)> =
            rewards.iter().filter_map(|of| Some((*of.get(one)?, *of.get(other)?))).collect();
        (both.len() >= JUDGED).then(|| Some((correlation(&both)?, both.len(), one, other)))?
    });
    let (worst, count, one, other) = judged.min_by(|a, b| a.0.total_cmp(&b.0))?;
    (worst <= OPPOSED).then(|| Attention {
        kind: Trouble::VerifiersDisagree,
        severity: Severity::Watch,
        reason: format!(
            "The verifiers {one} and {other} contradict each other: over {count} responses their \
             rewards have a correlation of {}.",
            number(worst)
        ),
        value: worst,
        unit: "correlation",
        advice:
            "Read a few responses that they judge differently: one of them may reward the wrong \
                 thing."
                .into(),
        page: link::problems(facts.run),
    })
}

/// The correlation of pairs; none if one side is constant.
fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let (x, y) = pairs.iter().fold((0.0, 0.0), |(x, y), pair| (x + pair.0, y + pair.1));
    let (x, y) = (x / n, y / n);
    let sums = pairs.iter().fold((0.0, 0.0, 0.0), |(xx, yy, xy), pair| {
        let (a, b) = (pair.0 - x, pair.1 - y);
        (xx + a * a, yy + b * b, xy + a * b)
    });
    let scale = (sums.0 * sums.1).sqrt();
    (scale > 1e-12).then(|| sums.2 / scale)
}

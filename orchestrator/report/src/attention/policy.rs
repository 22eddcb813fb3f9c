//! The policy: drift between sampler and trainer, lost entropy, lost problems.

use retrial_protocol::{Metric, PanelKey};

use super::entry::{Attention, Facts, Severity, Trouble};
use super::recent::{before, last, mean};
use crate::format::{number, share};
use crate::link;

/// Mean difference of log-probabilities, nats, at which a ratio of the policies is wrong by 5 %. Kernels in
/// bf16 differ by 0.02 at most.
const DRIFT: f64 = 0.05;
/// A difference has grown when it is this many times the usual one,
const DRIFT_GROWTH: f64 = 5.0;
/// and more than rounding in f32, nats.
const DRIFT_LEAST: f64 = 2e-3;
/// Earlier steps that show what is usual.
const USUAL_STEPS: usize = 5;

/// Entropy, nats a token, at which the responses of a group are nearly the same: over a hundred tokens they
/// differ in one or none.
const NO_ENTROPY: f64 = 0.01;
/// Entropy that is lost when it falls to this share of what it was at first.
const ENTROPY_LEFT: f64 = 0.1;
/// A policy that is right this often may be certain.
const MASTERED: f64 = 0.95;

/// Fewer lost problems may be chance: one bad batch.
const LOST_LEAST: u64 = 3;
/// From this share of the problems on it is more than the usual coming and going.
const LOST_SHARE: f64 = 0.1;

/// Sampler and trainer compute different log-probabilities.
pub fn drift(facts: &Facts<'_>) -> Option<Attention> {
    let now = mean(&last(facts.data, Metric::SamplerMismatch)?);
    let mut usual = before(facts.data, Metric::SamplerMismatch);
    usual.sort_unstable_by(f64::total_cmp);
    let median = usual.get(usual.len() / 2).copied().unwrap_or_default();
    let grown =
        usual.len() >= USUAL_STEPS && now >= DRIFT_LEAST && now >= DRIFT_GROWTH * median.max(1e-9);
    let reason = if now >= DRIFT {
        format!("Sampler and trainer differ by {} nats a token.", number(now))
    } else if grown {
        format!(
            "Sampler and trainer differ by {} nats a token, usually by {}.",
            number(now),
            number(median)
        )
    } else {
        return None;
    };
    Some(Attention {
        kind: Trouble::Drift,
        severity: if now >= DRIFT { Severity::Wasted } else { Severity::Watch },
        reason,
        value: now,
        unit: "nats a token",
        advice:
            "Compare the precision of server and trainer, and whether the server has the weights \
                 that were pushed; [objective] correction bounds what it does to the update."
                .into(),
        page: link::panel(facts.run, PanelKey::Mismatch.as_str()),
    })
}

/// The policy has become certain without being right.
pub fn entropy_collapse(facts: &Facts<'_>) -> Option<Attention> {
    let now = mean(&last(facts.data, Metric::Entropy)?);
    let right = mean(&last(facts.data, Metric::FirstTrialPassRate)?);
    let earlier = before(facts.data, Metric::Entropy);
    let first = &earlier[..earlier.len().min(USUAL_STEPS)];
    let fallen = first.len() == USUAL_STEPS && now < ENTROPY_LEFT * mean(first);
    (right < MASTERED && (now < NO_ENTROPY || fallen)).then(|| Attention {
        kind: Trouble::EntropyCollapse,
        severity: Severity::Watch,
        reason: format!(
            "The entropy is {} nats a token while {} of the responses pass: the policy no longer \
             tries other ways.",
            number(now),
            share(right)
        ),
        value: now,
        unit: "nats a token",
        advice: "Raise [rollout] temperature or [objective] entropy, or lower the learning rate."
            .into(),
        page: link::panel(facts.run, PanelKey::Entropy.as_str()),
    })
}

/// Problems that were solved by every rollout, and by none now.
pub fn lost_problems(facts: &Facts<'_>) -> Option<Attention> {
    let lost = &facts.data.trouble.lost;
    let rate = lost.lost as f64 / lost.known.max(1) as f64;
    (lost.lost >= LOST_LEAST && rate >= LOST_SHARE).then(|| Attention {
        kind: Trouble::LostProblems,
        severity: Severity::Watch,
        reason: format!(
            "Of {} problems that every rollout once solved, {} came again in the last steps and no \
             rollout solved them.",
            lost.known, lost.lost
        ),
        value: lost.lost as f64,
        unit: "problems",
        advice: "Lower the learning rate or add [objective] kl: the policy forgets what it knew."
            .into(),
        page: link::with(&link::problems(facts.run), &[("status", "lost")]),
    })
}

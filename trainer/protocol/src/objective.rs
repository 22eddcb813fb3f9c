//! The objective of an update, sent with every batch.

use serde::{Deserialize, Serialize};

use crate::range::{InvalidObjective, check};

/// The denominator of rho, the ratio of the hinted part (arXiv 2510.26109, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denominator {
    /// `pi_old(o | hint, q)`, recorded when the response was sampled: the paper's formula.
    #[default]
    Hinted,
    /// 1: the form of ICPO and LUFFY.
    Unit,
    /// `pi_old(o | q)`, recomputed by the trainer before the first update: the form of `ExGRPO`.
    Unhinted,
}

/// What the token counts Z and Z' of the objective count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// Z = Z' = response tokens of the whole batch.
    #[default]
    Common,
    /// Z = response tokens of the on-policy part, Z' = those of the hinted part.
    Separate,
}

/// The entropy bonus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entropy {
    /// No bonus.
    #[default]
    Off,
    /// A bonus with a fixed coefficient.
    Constant {
        /// Weight of the mean token entropy (nats) in the objective.
        coefficient: f64,
    },
    /// The controller of Skywork-OR1: after each update the coefficient rises by `delta` while
    /// the measured entropy is below `target` and falls otherwise, stays inside `[min, max]`, and
    /// applies only below the target. It starts at `min`.
    Adaptive {
        /// Target entropy, nats a token.
        target: f64,
        /// Change of the coefficient in one update.
        delta: f64,
        /// Lowest coefficient.
        min: f64,
        /// Highest coefficient.
        max: f64,
    },
}

/// The surrogate of the on-policy part, and how its tokens are weighted. The hinted part keeps its
/// shaping and gets the same weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Clipped ratios, mean over tokens (arXiv 2510.26109, section 3).
    #[default]
    Lte,
    /// Clipped ratios, mean over each response, then over responses (arXiv 2402.03300).
    Grpo,
    /// As LTE, with a wider clip above: 0.2 and 0.28 (arXiv 2503.14476).
    Dapo,
    /// Clipped ratios, sums over responses divided by a constant, and advantages that are not
    /// divided by the deviation of their group (arXiv 2503.20783).
    DrGrpo,
    /// One ratio a response, the geometric mean of its tokens' (arXiv 2507.18071).
    Gspo,
    /// The clipped ratio, without gradient, times the log-probability: every token has a
    /// gradient (arXiv 2506.13585).
    Cispo,
}

impl Loss {
    /// `clip_low` and `clip_high` unless they are set.
    pub fn default_clips(self) -> (f64, f64) {
        match self {
            Self::Lte | Self::Grpo | Self::DrGrpo => (0.2, 0.2),
            Self::Dapo => (0.2, 0.28),
            Self::Gspo => (3e-4, 4e-4),
            // Bounds the ratio by 0 and 5.
            Self::Cispo => (1.0, 4.0),
        }
    }
}

/// KL penalty: the distance from the initial model, in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kl {
    /// Coefficient of the mean over tokens.
    pub coefficient: f64,
    /// The estimator.
    #[serde(default)]
    pub estimator: KlEstimator,
}

/// Estimators of the divergence from the policy to the reference, by
/// `d = log pi_theta - log pi_reference` of a sampled token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KlEstimator {
    /// `d`: an unbiased estimate, but its gradient has mean 0.
    K1,
    /// `d^2 / 2`.
    K2,
    /// `exp(-d) - 1 + d`: never negative.
    #[default]
    K3,
}

/// Correction for a mismatch between sampler and trainer. With a
/// correction the ratio's denominator is the trainer's own `pi_old`, and each on-policy token is
/// weighted by `pi_old / pi_sampler`, bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Correction {
    /// The ratio's denominator is what the sampler reported.
    #[default]
    Off,
    /// Truncated importance sampling: at most `cap`.
    Tis {
        /// The bound.
        cap: f64,
        /// Whether single tokens or whole responses are weighted.
        #[serde(default)]
        level: Level,
    },
    /// `IcePop`: tokens whose weight is outside `low` to `high` are dropped.
    #[serde(rename = "icepop")]
    IcePop {
        /// Lowest weight.
        low: f64,
        /// Highest weight.
        high: f64,
    },
}

/// Level of a correction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Each token by its own ratio.
    #[default]
    Token,
    /// Each response by the product of its tokens' ratios.
    Sequence,
}

/// The mixed-policy objective (arXiv 2510.26109, section 3) and its variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objective {
    /// The loss of the on-policy part.
    pub loss: Loss,
    /// gamma of the policy shaping `f(x) = x / (x + gamma)`; 0.1 in the paper.
    pub gamma: f64,
    /// Denominator of rho.
    pub denominator: Denominator,
    /// What Z and Z' count.
    pub normalisation: Normalisation,
    /// The ratio of the on-policy part is clipped below at `1 - clip_low`;
    /// [`Loss::default_clips`] unless set.
    pub clip_low: Option<f64>,
    /// ... and above at `1 + clip_high`.
    pub clip_high: Option<f64>,
    /// Bound `c` on the surrogate of negative advantages (dual clip; ICPO uses 3), if any.
    pub dual_clip: Option<f64>,
    /// Log-ratios are clamped to plus and minus this, in nats.
    pub log_ratio_limit: f64,
    /// The divisor of each response's sum in [`Loss::DrGrpo`]: the limit on the tokens of a
    /// response.
    pub length_divisor: Option<f64>,
    /// The KL penalty, if there is one.
    pub kl: Option<Kl>,
    /// The correction for a mismatch between sampler and trainer.
    pub correction: Correction,
    /// The entropy bonus.
    pub entropy: Entropy,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            loss: Loss::default(),
            gamma: 0.1,
            denominator: Denominator::default(),
            normalisation: Normalisation::default(),
            clip_low: None,
            clip_high: None,
            dual_clip: None,
            log_ratio_limit: 20.0,
            length_divisor: None,
            kl: None,
            correction: Correction::default(),
            entropy: Entropy::default(),
        }
    }
}

impl Objective {
    /// Bounds of the on-policy ratio.
    pub fn ratio_bounds(&self) -> (f64, f64) {
        let (low, high) = self.loss.default_clips();
        (1.0 - self.clip_low.unwrap_or(low), 1.0 + self.clip_high.unwrap_or(high))
    }

    /// Checks that every number is in its range.
    pub fn validate(&self) -> Result<(), InvalidObjective> {
        let positive = |x: f64| x > 0.0;
        check("gamma", self.gamma, "above 0", positive(self.gamma))?;
        if let Some(low) = self.clip_low {
            check("clip_low", low, "between 0 and 1", (0.0..=1.0).contains(&low))?;
        }
        if let Some(high) = self.clip_high {
            check("clip_high", high, "0 or more", high >= 0.0)?;
        }
        if let Some(divisor) = self.length_divisor {
            check("length_divisor", divisor, "above 0", positive(divisor))?;
        }
        if let Some(Kl { coefficient, .. }) = self.kl {
            check("kl.coefficient", coefficient, "above 0", positive(coefficient))?;
        }
        match self.correction {
            Correction::Off => {}
            Correction::Tis { cap, .. } => {
                check("correction.cap", cap, "above 0", positive(cap))?;
            }
            Correction::IcePop { low, high } => {
                check("correction.low", low, "0 or more", low >= 0.0)?;
                check("correction.high", high, "above correction.low", high > low)?;
            }
        }
        if let Some(bound) = self.dual_clip {
            check("dual_clip", bound, "above 1", bound > 1.0)?;
        }
        check("log_ratio_limit", self.log_ratio_limit, "above 0", positive(self.log_ratio_limit))?;
        match self.entropy {
            Entropy::Off => Ok(()),
            Entropy::Constant { coefficient } => {
                check("entropy.coefficient", coefficient, "0 or more", coefficient >= 0.0)
            }
            Entropy::Adaptive { target, delta, min, max } => {
                check("entropy.target", target, "above 0", positive(target))?;
                check("entropy.delta", delta, "above 0", positive(delta))?;
                check("entropy.min", min, "0 or more", min >= 0.0)?;
                check("entropy.max", max, "at least entropy.min", max >= min)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range() {
        Objective::default().validate().unwrap();
    }

    #[test]
    fn a_value_out_of_range_names_its_key() {
        let bad = Objective { gamma: 0.0, ..Objective::default() };
        assert_eq!(bad.validate().unwrap_err().to_string(), "`gamma` is 0, it must be above 0");
        let entropy = Entropy::Adaptive { target: 1.0, delta: 0.1, min: 0.2, max: 0.1 };
        let bad = Objective { entropy, ..Objective::default() };
        assert_eq!(bad.validate().unwrap_err().key, "entropy.max");
        let bad = Objective { clip_high: Some(f64::INFINITY), ..Objective::default() };
        let expected = "`clip_high` is inf, it must be a finite number";
        assert_eq!(bad.validate().unwrap_err().to_string(), expected);
    }
}

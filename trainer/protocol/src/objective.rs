//! What an update maximises, and how: sent with every batch.

use serde::{Deserialize, Serialize};

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
    /// The controller of Skywork-OR1: after each update the coefficient goes up by `delta` while
    /// the measured entropy is under `target` and down otherwise, stays inside `[min, max]`, and
    /// applies only under the target. It starts at `min`.
    Adaptive {
        /// Entropy to keep, nats a token.
        target: f64,
        /// Change of the coefficient in one update.
        delta: f64,
        /// Lowest coefficient.
        min: f64,
        /// Highest coefficient.
        max: f64,
    },
}

/// The mixed-policy objective (arXiv 2510.26109, section 3).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objective {
    /// gamma of the policy shaping `f(x) = x / (x + gamma)`; 0.1 in the paper.
    pub gamma: f64,
    /// Denominator of rho.
    pub denominator: Denominator,
    /// What Z and Z' count.
    pub normalisation: Normalisation,
    /// The ratio of the on-policy part is clipped below at `1 - clip_low`.
    pub clip_low: f64,
    /// ... and above at `1 + clip_high`.
    pub clip_high: f64,
    /// Bound `c` on the surrogate of negative advantages (dual clip; ICPO uses 3), if any.
    pub dual_clip: Option<f64>,
    /// Log-ratios are clamped to plus and minus this, in nats.
    pub log_ratio_limit: f64,
    /// The entropy bonus.
    pub entropy: Entropy,
}

impl Default for Objective {
    fn default() -> Self {
        Self {
            gamma: 0.1,
            denominator: Denominator::default(),
            normalisation: Normalisation::default(),
            clip_low: 0.2,
            clip_high: 0.2,
            dual_clip: None,
            log_ratio_limit: 20.0,
            entropy: Entropy::default(),
        }
    }
}

/// `AdamW`, and how often it steps on a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizer {
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay of the matrices; vectors (norms) are never decayed.
    pub weight_decay: f64,
    /// The gradient's norm is scaled down to this.
    pub max_grad_norm: f64,
    /// Optimizer steps on each batch; `pi_old` stays what it was at the first.
    pub epochs: u32,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            learning_rate: 1e-6,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            max_grad_norm: 1.0,
            epochs: 1,
        }
    }
}

/// A setting outside its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{key}` is {value}, it must be {range}")]
pub struct InvalidObjective {
    /// The setting.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// What it may be.
    pub range: &'static str,
}

fn check(
    key: &'static str,
    value: f64,
    range: &'static str,
    holds: bool,
) -> Result<(), InvalidObjective> {
    if holds { Ok(()) } else { Err(InvalidObjective { key, value, range }) }
}

impl Objective {
    /// Checks that every number is in its range.
    pub fn validate(&self) -> Result<(), InvalidObjective> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        check("gamma", self.gamma, "above 0", positive(self.gamma))?;
        check("clip_low", self.clip_low, "between 0 and 1", (0.0..=1.0).contains(&self.clip_low))?;
        check("clip_high", self.clip_high, "0 or more", self.clip_high >= 0.0)?;
        if let Some(bound) = self.dual_clip {
            check("dual_clip", bound, "above 1", bound.is_finite() && bound > 1.0)?;
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
                check("entropy.max", max, "at least entropy.min", max.is_finite() && max >= min)
            }
        }
    }
}

impl Optimizer {
    /// Checks that every number is in its range.
    pub fn validate(&self) -> Result<(), InvalidObjective> {
        let fraction = |x: f64| (0.0..1.0).contains(&x);
        let positive = |x: f64| x.is_finite() && x > 0.0;
        check("learning_rate", self.learning_rate, "0 or more", self.learning_rate >= 0.0)?;
        check("beta1", self.beta1, "at least 0 and under 1", fraction(self.beta1))?;
        check("beta2", self.beta2, "at least 0 and under 1", fraction(self.beta2))?;
        check("epsilon", self.epsilon, "above 0", positive(self.epsilon))?;
        check("weight_decay", self.weight_decay, "0 or more", self.weight_decay >= 0.0)?;
        check("max_grad_norm", self.max_grad_norm, "above 0", positive(self.max_grad_norm))?;
        check("epochs", f64::from(self.epochs), "1 or more", self.epochs > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range() {
        Objective::default().validate().unwrap();
        Optimizer::default().validate().unwrap();
    }

    #[test]
    fn a_value_out_of_range_names_its_key() {
        let bad = Objective { gamma: 0.0, ..Objective::default() };
        assert_eq!(bad.validate().unwrap_err().to_string(), "`gamma` is 0, it must be above 0");
        let entropy = Entropy::Adaptive { target: 1.0, delta: 0.1, min: 0.2, max: 0.1 };
        let bad = Objective { entropy, ..Objective::default() };
        assert_eq!(bad.validate().unwrap_err().key, "entropy.max");
        let bad = Optimizer { beta1: 1.0, ..Optimizer::default() };
        assert_eq!(bad.validate().unwrap_err().key, "beta1");
    }
}

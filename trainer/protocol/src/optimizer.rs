//! Optimizer settings of an update, sent with every batch.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::range::{InvalidObjective, check};

/// Learning-rate schedule, by the number `t` of optimizer steps taken before. During the first
/// `warmup_steps` the rate also rises linearly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// Constant.
    #[default]
    Constant,
    /// Linear decay to `floor` times the learning rate at step `steps`.
    Linear {
        /// Optimizer steps, warm-up included.
        steps: u64,
        /// Final factor.
        #[serde(default)]
        floor: f64,
    },
    /// Cosine decay to `floor` times the learning rate at step `steps`.
    Cosine {
        /// Optimizer steps, warm-up included.
        steps: u64,
        /// Final factor.
        #[serde(default)]
        floor: f64,
    },
}

impl Schedule {
    /// Factor of the learning rate for the step after `done`.
    pub fn factor(self, warmup_steps: u64, done: u64) -> f64 {
        if done < warmup_steps {
            return (done + 1) as f64 / warmup_steps as f64;
        }
        let left = |steps: u64| {
            let falling = steps.saturating_sub(warmup_steps).max(1) as f64;
            1.0 - ((done - warmup_steps) as f64 / falling).min(1.0)
        };
        match self {
            Self::Constant => 1.0,
            Self::Linear { steps, floor } => floor + (1.0 - floor) * left(steps),
            Self::Cosine { steps, floor } => {
                floor + (1.0 - floor) * 0.5 * (1.0 - (PI * left(steps)).cos())
            }
        }
    }
}

/// Parameters with weight decay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decayed {
    /// Matrices; vectors (norms, biases) do not.
    #[default]
    Matrices,
    /// The matrices of the layers, without embedding and output matrix.
    Layers,
    /// All parameters.
    All,
}

/// `AdamW`, and the number of its steps on a batch.
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
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Parameters with weight decay.
    pub decayed: Decayed,
    /// Learning-rate schedule.
    pub schedule: Schedule,
    /// Warm-up: optimizer steps in which the learning rate rises.
    pub warmup_steps: u64,
    /// Gradient clipping: the largest norm of the gradient.
    pub max_grad_norm: f64,
    /// Passes over each batch; `pi_old` stays that of before the first.
    pub epochs: u32,
    /// Optimizer steps in a pass, each on its own mini-batch.
    pub mini_batches: u32,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            learning_rate: 1e-6,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            decayed: Decayed::default(),
            schedule: Schedule::default(),
            warmup_steps: 0,
            max_grad_norm: 1.0,
            epochs: 1,
            mini_batches: 1,
        }
    }
}

impl Optimizer {
    /// Checks that every number is in its range.
    pub fn validate(&self) -> Result<(), InvalidObjective> {
        let fraction = |x: f64| (0.0..1.0).contains(&x);
        let positive = |x: f64| x > 0.0;
        check("learning_rate", self.learning_rate, "0 or more", self.learning_rate >= 0.0)?;
        check("beta1", self.beta1, "at least 0 and under 1", fraction(self.beta1))?;
        check("beta2", self.beta2, "at least 0 and under 1", fraction(self.beta2))?;
        check("epsilon", self.epsilon, "above 0", positive(self.epsilon))?;
        check("weight_decay", self.weight_decay, "0 or more", self.weight_decay >= 0.0)?;
        check("max_grad_norm", self.max_grad_norm, "above 0", positive(self.max_grad_norm))?;
        if let Schedule::Linear { steps, floor } | Schedule::Cosine { steps, floor } = self.schedule
        {
            let range = "above warmup_steps";
            check("schedule.steps", steps as f64, range, steps > self.warmup_steps)?;
            check("schedule.floor", floor, "between 0 and 1", (0.0..=1.0).contains(&floor))?;
        }
        let some = |key, value: u32| check(key, f64::from(value), "1 or more", value > 0);
        some("epochs", self.epochs)?;
        some("mini_batches", self.mini_batches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_optimizer_are_in_range_by_default() {
        Optimizer::default().validate().unwrap();
        let bad = Optimizer { beta1: 1.0, ..Optimizer::default() };
        assert_eq!(bad.validate().unwrap_err().key, "beta1");
    }

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let factors = |schedule: Schedule| -> Vec<f64> {
            (0..22).map(|done| schedule.factor(4, done)).collect()
        };
        let cosine = factors(Schedule::Cosine { steps: 20, floor: 0.0 });
        assert_eq!(cosine[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert!(cosine[4..20].windows(2).all(|pair| pair[1] < pair[0]));
        assert!(cosine[19] > 0.0 && cosine[19] < 0.02 && cosine[20] < 1e-12 && cosine[21] < 1e-12);
        let linear = factors(Schedule::Linear { steps: 20, floor: 0.5 });
        assert_eq!((linear[4], linear[12], linear[20], linear[21]), (1.0, 0.75, 0.5, 0.5));
        assert_eq!(factors(Schedule::Constant)[3..], [1.0; 19]);
        assert_eq!(Schedule::Constant.factor(0, 0), 1.0);
    }
}

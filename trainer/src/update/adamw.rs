//! `AdamW` (Loshchilov and Hutter, 2019) on f32 weights, with its saved state. Each of several
//! ranks has its shard of every parameter, in f32, and the moments of that shard.

use tch::{Kind, Tensor};

use retrial_protocol::{Decayed, Optimizer};

use crate::ranks::Place;

/// This rank's shard of all parameters, and the number of steps taken.
pub struct AdamW {
    place: Place,
    shares: Vec<Share>,
    steps: u64,
}

/// A rank's shard of a parameter, f32.
pub struct Share {
    /// The weights. If products use f32 too, this is a view of the parameter.
    pub weight: Tensor,
    /// The mean of the gradients.
    pub first: Tensor,
    /// The mean of their squares.
    pub second: Tensor,
}

impl AdamW {
    /// Fresh moments for a single rank.
    pub fn new(parameters: &[(String, Tensor)]) -> Self {
        Self::sharded(parameters, Place::ALONE)
    }

    /// Fresh moments for a rank's shard of these parameters.
    pub fn sharded(parameters: &[(String, Tensor)], place: Place) -> Self {
        let share = |(_, tensor): &(String, Tensor)| {
            let weight = place.share(tensor).to_kind(Kind::Float);
            Share { first: weight.zeros_like(), second: weight.zeros_like(), weight }
        };
        Self { place, shares: parameters.iter().map(share).collect(), steps: 0 }
    }

    /// The optimizer steps that were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// This rank's shard of each parameter.
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// This rank's shard of each parameter, to load saved state into.
    pub fn shares_mut(&mut self) -> &mut [Share] {
        &mut self.shares
    }

    /// Sets the number of steps taken, when saved state is loaded.
    pub fn resume(&mut self, steps: u64) {
        self.steps = steps;
    }

    /// One descent step, given this rank's shard of each gradient. Only that shard of the parameters
    /// is updated.
    pub fn step(
        &mut self,
        settings: &Optimizer,
        parameters: &[(String, Tensor)],
        gradients: &[Tensor],
    ) {
        let factor = settings.schedule.factor(settings.warmup_steps, self.steps);
        self.steps += 1;
        let steps = self.steps as f64;
        let first_correction = 1.0 - settings.beta1.powf(steps);
        let second_correction = (1.0 - settings.beta2.powf(steps)).sqrt();
        let rate = settings.learning_rate * factor;
        tch::no_grad(|| {
            for (((name, parameter), gradient), share) in
                parameters.iter().zip(gradients).zip(&mut self.shares)
            {
                let Share { weight, first, second } = share;
                let _ = first.lerp_(gradient, 1.0 - settings.beta1);
                let scaled = gradient * (1.0 - settings.beta2);
                let _ = second.g_mul_scalar_(settings.beta2).addcmul_(&scaled, gradient);
                let decays = decays(settings.decayed, name, parameter);
                if settings.weight_decay > 0.0 && decays {
                    let _ = weight.g_mul_scalar_(1.0 - rate * settings.weight_decay);
                }
                let root =
                    second.sqrt().g_div_scalar_(second_correction).g_add_scalar_(settings.epsilon);
                let step = &*first * (-rate / first_correction);
                let _ = weight.addcdiv_(&step, &root);
                if parameter.kind() != Kind::Float {
                    self.place.share(parameter).copy_(weight);
                }
            }
        });
    }
}

fn decays(decayed: Decayed, name: &str, parameter: &Tensor) -> bool {
    match decayed {
        Decayed::All => true,
        Decayed::Matrices => parameter.dim() > 1,
        Decayed::Layers => parameter.dim() > 1 && name.contains(".layers."),
    }
}

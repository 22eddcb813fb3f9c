//! `AdamW` (Loshchilov and Hutter, 2019), with moments that can be saved. Of several ranks each has
//! the moments of its share of every parameter, and steps that share.

use tch::Tensor;

use retrial_protocol::{Decayed, Optimizer};

use crate::ranks::Place;

/// Moments of this rank's share of all parameters, and how many steps were taken.
pub struct AdamW {
    place: Place,
    moments: Vec<Moments>,
    steps: u64,
}

struct Moments {
    first: Tensor,
    second: Tensor,
}

impl AdamW {
    /// Fresh moments for these parameters, of the only rank.
    pub fn new(parameters: &[(String, Tensor)]) -> Self {
        Self::sharded(parameters, Place::ALONE)
    }

    /// Fresh moments for a rank's share of these parameters.
    pub fn sharded(parameters: &[(String, Tensor)], place: Place) -> Self {
        let zeros = |tensor: &Tensor| place.share(tensor).zeros_like();
        let moments = parameters
            .iter()
            .map(|(_, tensor)| Moments { first: zeros(tensor), second: zeros(tensor) })
            .collect();
        Self { place, moments, steps: 0 }
    }

    /// The optimizer steps that were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Names and shapes of the moments, two for each parameter, as they are saved: whole.
    pub fn layout(parameters: &[(String, Tensor)]) -> Vec<(String, Vec<i64>)> {
        let of_one = |(name, tensor): &(String, Tensor)| {
            ["first_moment", "second_moment"].map(|kind| (format!("{name}.{kind}"), tensor.size()))
        };
        parameters.iter().flat_map(of_one).collect()
    }

    /// This rank's share of a moment, by its place in [`Self::layout`].
    pub fn moment(&self, index: usize) -> &Tensor {
        let Moments { first, second } = &self.moments[index / 2];
        if index.is_multiple_of(2) { first } else { second }
    }

    /// Takes this rank's share of a moment that was saved.
    pub fn restore(&mut self, index: usize, saved: &Tensor) {
        let mut moment = self.moment(index).shallow_clone();
        tch::no_grad(|| moment.copy_(&self.place.share(saved)));
    }

    /// Goes on after so many steps.
    pub fn resume(&mut self, steps: u64) {
        self.steps = steps;
    }

    /// One step down the gradients, this rank's share of each parameter's.
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
            for (((name, parameter), gradient), moments) in
                parameters.iter().zip(gradients).zip(&mut self.moments)
            {
                let Moments { first, second } = moments;
                let _ = first.lerp_(gradient, 1.0 - settings.beta1);
                let scaled = gradient * (1.0 - settings.beta2);
                let _ = second.g_mul_scalar_(settings.beta2).addcmul_(&scaled, gradient);
                let decays = decays(settings.decayed, name, parameter);
                let mut parameter = self.place.share(parameter);
                if settings.weight_decay > 0.0 && decays {
                    let _ = parameter.g_mul_scalar_(1.0 - rate * settings.weight_decay);
                }
                let root =
                    second.sqrt().g_div_scalar_(second_correction).g_add_scalar_(settings.epsilon);
                let step = &*first * (-rate / first_correction);
                let _ = parameter.addcdiv_(&step, &root);
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

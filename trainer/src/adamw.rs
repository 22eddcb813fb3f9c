//! `AdamW` (Loshchilov and Hutter, 2019), with moments that can be saved.

use tch::Tensor;

use retrial_protocol::{Decayed, Optimizer};

/// Moments of all parameters, and how many steps were taken.
pub struct AdamW {
    moments: Vec<Moments>,
    steps: u64,
}

struct Moments {
    first: Tensor,
    second: Tensor,
}

impl AdamW {
    /// Fresh moments for these parameters.
    pub fn new(parameters: &[(String, Tensor)]) -> Self {
        let zeros = |tensor: &Tensor| tensor.detach().zeros_like();
        let moments = parameters
            .iter()
            .map(|(_, tensor)| Moments { first: zeros(tensor), second: zeros(tensor) })
            .collect();
        Self { moments, steps: 0 }
    }

    /// The optimizer steps that were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments under the names of their parameters.
    pub fn state(&self, parameters: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
        let of_one = |((name, _), moments): (&(String, Tensor), &Moments)| {
            [
                (format!("{name}.first_moment"), moments.first.shallow_clone()),
                (format!("{name}.second_moment"), moments.second.shallow_clone()),
            ]
        };
        parameters.iter().zip(&self.moments).flat_map(of_one).collect()
    }

    /// Names and shapes of what [`Self::state`] gives and [`Self::restore`] takes.
    pub fn layout(parameters: &[(String, Tensor)]) -> Vec<(String, Vec<i64>)> {
        let fresh = Self::new(parameters).state(parameters);
        fresh.into_iter().map(|(name, tensor)| (name, tensor.size())).collect()
    }

    /// Takes up saved moments, in the order of [`Self::layout`].
    pub fn restore(&mut self, state: &[Tensor], steps: u64) {
        tch::no_grad(|| {
            for (moments, saved) in self.moments.iter_mut().zip(state.chunks_exact(2)) {
                moments.first.copy_(&saved[0]);
                moments.second.copy_(&saved[1]);
            }
        });
        self.steps = steps;
    }

    /// One step down the gradients, one for each parameter.
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
                let mut parameter = parameter.shallow_clone();
                if settings.weight_decay > 0.0 && decays(settings.decayed, name, &parameter) {
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

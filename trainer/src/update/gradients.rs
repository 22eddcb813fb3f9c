//! Gradients, summed over micro-batches in f32.

use tch::{Kind, Tensor};

/// One sum for each parameter; none where nothing was added yet.
pub struct Gradients {
    sums: Vec<Option<Tensor>>,
}

impl Gradients {
    /// No gradient yet for any of `parameters` parameters.
    pub fn new(parameters: usize) -> Self {
        Self { sums: (0..parameters).map(|_| None).collect() }
    }

    /// Adds to the gradient of a parameter.
    pub fn add(&mut self, parameter: usize, gradient: &Tensor) {
        match &mut self.sums[parameter] {
            Some(sum) => {
                let _ = sum.g_add_(gradient);
            }
            // A gradient may share memory with the tensor it was computed from.
            empty if gradient.kind() == Kind::Float => *empty = Some(gradient.copy()),
            empty => *empty = Some(gradient.to_kind(Kind::Float)),
        }
    }

    /// The sum for a parameter shaped as `like`, to add to in place.
    pub fn sum(&mut self, parameter: usize, like: &Tensor) -> &mut Tensor {
        self.sums[parameter]
            .get_or_insert_with(|| Tensor::zeros(like.size(), (Kind::Float, like.device())))
    }

    /// Takes out the sum for a parameter shaped as `like`; zeros if it has none.
    pub fn take(&mut self, parameter: usize, like: &Tensor) -> Tensor {
        let zeros = || Tensor::zeros(like.size(), (Kind::Float, like.device()));
        self.sums[parameter].take().unwrap_or_else(zeros)
    }

    /// The sums, zeros for parameters that have none.
    pub fn finish(mut self, parameters: &[(String, Tensor)]) -> Vec<Tensor> {
        let of_one = |(index, (_, like)): (usize, &(String, Tensor))| self.take(index, like);
        parameters.iter().enumerate().map(of_one).collect()
    }
}

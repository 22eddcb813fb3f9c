//! Rotary embeddings.

use tch::Device;

use crate::model::ModelConfig;
use crate::model::config::Rotation;
use crate::model::rope::Rotary;

/// cos and sin of all positions, `[positions, D]`.
pub struct Angles {
    global: (Vec<f32>, Vec<f32>),
    local: Option<(Vec<f32>, Vec<f32>)>,
    width: usize,
    /// Layers of the model.
    pub layers: usize,
}

impl Angles {
    /// Those of a model.
    pub fn new(config: &ModelConfig) -> Self {
        let rotary = Rotary::new(config, config.context, Device::Cpu);
        let (global, local) = rotary.numbers();
        Self { global, local, width: config.head_width as usize, layers: config.layers }
    }

    /// cos and sin of a position; none where the layer does not rotate.
    pub fn at(&self, rotation: Rotation, position: usize) -> Option<(&[f32], &[f32])> {
        let (cos, sin) = match rotation {
            Rotation::None => return None,
            Rotation::Global => &self.global,
            Rotation::Local => self.local.as_ref().unwrap_or(&self.global),
        };
        let row = position * self.width..(position + 1) * self.width;
        Some((&cos[row.clone()], &sin[row]))
    }
}

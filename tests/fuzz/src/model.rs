//! A model folder: `config.json`, then `model.safetensors`.

use retrial_trainer::model::Decoder;
use tch::{Device, Kind, Tensor};

use crate::folder::with_files;
use crate::input::parts;

/// An accepted model can compute.
pub fn model_folder(input: &[u8]) -> bool {
    let (config, weights) = parts(input);
    let files = [("config.json", config), ("model.safetensors", weights)];
    let Ok(model) = with_files(&files, |folder| Decoder::load(folder, Device::Cpu)) else {
        return false;
    };
    let length = model.config().context.min(3) as i64;
    let ids = Tensor::zeros([1, length], (Kind::Int64, Device::Cpu));
    let (hidden, _) = tch::no_grad(|| model.prefill(&ids));
    assert_eq!(model.logits(&hidden).size().last(), Some(&model.config().vocabulary));
    true
}

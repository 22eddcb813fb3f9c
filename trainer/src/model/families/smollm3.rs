//! `SmolLM3`: a Llama with some layers that are not turned by positions at all.

use serde_json::Value;

use super::family::{Family, PLAIN, set_windows};
use crate::model::config::Rotation;

pub const FAMILY: Family = Family {
    name: "smollm3",
    theta: 2_000_000.0,
    tied: true,
    differ: |raw, config| {
        config.biases.qkv = raw.attention_bias;
        config.biases.output = raw.attention_bias;
        config.biases.mlp = raw.switch("mlp_bias");
        let interval = raw.integer("no_rope_layer_interval").unwrap_or(4).max(1) as usize;
        let listed = raw.get("no_rope_layers").and_then(Value::as_array);
        // The key says the contrary: a layer with 1 has rotary positions.
        let turned = |layer: usize| match listed {
            Some(list) => list.get(layer).and_then(Value::as_i64) != Some(0),
            None => !(layer + 1).is_multiple_of(interval),
        };
        for (layer, kind) in config.kinds.iter_mut().enumerate() {
            kind.rotation = if turned(layer) { Rotation::Global } else { Rotation::None };
        }
        let window = raw.integer("sliding_window").filter(|_| raw.switch("use_sliding_window"));
        let windows = raw.windows(window, |layer| !turned(layer))?;
        set_windows(config, windows);
        Ok(())
    },
    ..PLAIN
};

//! Gemma 3, text only: norms on both sides, scaled embeddings, and five layers with a window for
//! each without.

use super::family::{Family, PLAIN, set_windows};
use crate::model::config::{Activation, Norms, QkNorm, Rotation};

pub const FAMILY: Family = Family {
    name: "gemma3_text",
    theta: 1_000_000.0,
    tied: true,
    head_width: Some(256),
    differ: |raw, config| {
        for key in ["final_logit_softcapping", "attn_logit_softcapping"] {
            if raw.get(key).is_some() {
                return Err(format!("{key} is not supported"));
            }
        }
        if raw.switch("use_bidirectional_attention") {
            return Err("use_bidirectional_attention is not supported".into());
        }
        config.norms = Norms::Around;
        config.norms_from_one = true;
        config.qk_norm = QkNorm::Head;
        config.biases.qkv = raw.attention_bias;
        config.biases.output = raw.attention_bias;
        config.activation = Activation::GeluTanh;
        config.embedding_scale = Some((config.hidden as f64).sqrt());
        let scalar = raw.number("query_pre_attn_scalar").unwrap_or(256.0);
        let scale = (config.head_width as f64 / scalar).sqrt();
        config.query_scale = (scale != 1.0).then_some(scale);

        let window = raw.integer("sliding_window").unwrap_or(4096);
        let pattern = raw.integer("sliding_window_pattern").unwrap_or(6).max(1) as usize;
        let windows = raw.windows(Some(window), |layer| !(layer + 1).is_multiple_of(pattern))?;
        set_windows(config, windows);
        // Layers with a window turn faster.
        for kind in config.kinds.iter_mut().filter(|kind| kind.window.is_some()) {
            kind.rotation = Rotation::Local;
        }
        let nested = raw.get("rope_parameters").and_then(|all| all.get("sliding_attention"));
        config.local_theta = nested
            .and_then(|local| local.get("rope_theta")?.as_f64())
            .or_else(|| raw.number("rope_local_base_freq"))
            .unwrap_or(10_000.0);
        Ok(())
    },
    ..PLAIN
};

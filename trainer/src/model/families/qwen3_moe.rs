//! Qwen3's mixtures of experts: every MLP is one.

use serde_json::Value;

use super::family::{Family, PLAIN, set_windows};
use crate::model::config::{Experts, QkNorm};

pub const FAMILY: Family = Family {
    name: "qwen3_moe",
    differ: |raw, config| {
        config.qk_norm = QkNorm::Head;
        config.biases.qkv = raw.attention_bias;
        config.biases.output = raw.attention_bias;
        let window = raw.integer("sliding_window").unwrap_or(4096);
        let window = raw.switch("use_sliding_window").then_some(window);
        let windows = vec![window; config.layers];
        set_windows(config, windows);

        let dense = raw.get("mlp_only_layers").and_then(Value::as_array);
        let step = raw.integer("decoder_sparse_step").unwrap_or(1);
        if dense.is_some_and(|layers| !layers.is_empty()) || step != 1 {
            return Err("a mixture of experts in some layers only is not supported".into());
        }
        let size = |key: &str, default: i64| match raw.integer(key).unwrap_or(default) {
            size @ 1..=65_536 => Ok(size),
            size => Err(format!("{key} is {size}, it must be from 1 to 65536")),
        };
        // transformers 5 writes the first name, transformers 4 the second.
        let count = if raw.get("num_local_experts").is_some() {
            size("num_local_experts", 128)?
        } else {
            size("num_experts", 128)?
        };
        let experts = Experts {
            count,
            chosen: size("num_experts_per_tok", 8)?,
            intermediate: size("moe_intermediate_size", 768)?,
            normalised: raw.switch("norm_topk_prob"),
        };
        if experts.chosen > experts.count {
            return Err(format!(
                "num_experts_per_tok is {}, num_experts {}",
                experts.chosen, experts.count
            ));
        }
        config.experts = Some(experts);
        Ok(())
    },
    ..PLAIN
};

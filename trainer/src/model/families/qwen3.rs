//! Qwen3: queries and keys of each head are normalised.

use super::family::{Family, PLAIN, set_qwen_windows};
use crate::model::config::QkNorm;

pub const FAMILY: Family = Family {
    name: "qwen3",
    head_width: Some(128),
    differ: |raw, config| {
        config.qk_norm = QkNorm::Head;
        config.biases.qkv = raw.attention_bias;
        config.biases.output = raw.attention_bias;
        set_qwen_windows(raw, config)
    },
    ..PLAIN
};

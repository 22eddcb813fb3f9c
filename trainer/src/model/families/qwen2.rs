//! Qwen2, Qwen2.5, DeepSeek-R1-Distill-Qwen: queries, keys and values have a bias.

use super::family::{Family, PLAIN, set_qwen_windows};

pub const FAMILY: Family = Family {
    name: "qwen2",
    differ: |raw, config| {
        // These and no others, whatever `attention_bias` says.
        config.biases.qkv = true;
        set_qwen_windows(raw, config)
    },
    ..PLAIN
};

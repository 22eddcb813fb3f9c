//! Llama 2 and 3, `SmolLM2`, `DeepSeek`-R1-Distill-Llama: a plain decoder.

use super::family::{Family, PLAIN};

pub const FAMILY: Family = Family {
    name: "llama",
    differ: |raw, config| {
        config.biases.qkv = raw.attention_bias;
        config.biases.output = raw.attention_bias;
        config.biases.mlp = raw.switch("mlp_bias");
        // None of its layers slides.
        raw.windows(None, |_| false)?;
        Ok(())
    },
    ..PLAIN
};

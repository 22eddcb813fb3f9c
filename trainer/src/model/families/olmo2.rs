//! `OLMo` 2: norms after attention and MLP, and over all queries and all keys.

use super::family::{Family, PLAIN};
use crate::model::config::{Norms, QkNorm};

pub const FAMILY: Family = Family {
    name: "olmo2",
    epsilon: 1e-5,
    differ: |raw, config| {
        config.norms = Norms::After;
        config.qk_norm = QkNorm::Whole;
        config.biases.qkv = raw.attention_bias;
        config.biases.output = raw.attention_bias;
        raw.windows(None, |_| false)?;
        Ok(())
    },
    ..PLAIN
};

//! Reading the shape of a decoder from `config.json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::ModelError;
use super::config::{Activation, Biases, LayerKind, ModelConfig, Norms, QkNorm, Rotation};
use super::families::{self, Family};
use super::raw::RawConfig;
use super::rope_settings::rope;

/// Most layers, and the longest context: what is computed from them must not depend on a file's word
/// alone. The sizes that remain are those of its tensors too.
const MOST_LAYERS: i64 = 1 << 10;
const LONGEST_CONTEXT: i64 = 1 << 20;
/// The product of two sizes must fit.
const LARGEST: i64 = i32::MAX as i64;

impl ModelConfig {
    /// Reads `config.json`, and the end tokens of `generation_config.json` if that exists.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        let unsupported = |problem: String| ModelError::Unsupported { path: path.clone(), problem };
        let json: Value = parse(&path)?;
        let family = family(&json).map_err(unsupported)?;
        let generation = folder.join("generation_config.json");
        let generation: Option<Value> =
            if generation.exists() { Some(parse(&generation)?) } else { None };
        let end_tokens = retrial_text::end_tokens(generation.as_ref(), Some(&json), None);
        let raw = RawConfig::deserialize(json).map_err(|error| ModelError::Invalid {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        build(family, &raw, end_tokens).map_err(unsupported)
    }
}

fn family(config: &Value) -> Result<&'static Family, String> {
    let name = config.get("model_type").and_then(Value::as_str);
    let name = name.ok_or("model_type is missing")?;
    families::of(name).ok_or_else(|| format!("model_type `{name}` is not supported"))
}

fn build(family: &Family, raw: &RawConfig, end_tokens: Vec<u32>) -> Result<ModelConfig, String> {
    if raw.get("quantization_config").is_some() {
        return Err("a quantized model is not supported".into());
    }
    let kv_heads = raw.num_key_value_heads.unwrap_or(raw.num_attention_heads);
    let shared = raw.hidden_size / raw.num_attention_heads.max(1);
    let head_width = raw.head_dim.or(family.head_width).unwrap_or(shared);
    check_sizes(raw, kv_heads, head_width)?;
    let layers = raw.num_hidden_layers as usize;
    let mut config = ModelConfig {
        vocabulary: raw.vocab_size,
        hidden: raw.hidden_size,
        intermediate: raw.intermediate_size,
        layers,
        kinds: vec![LayerKind { rotation: Rotation::Global, window: None }; layers],
        heads: raw.num_attention_heads,
        kv_heads,
        head_width,
        query_scale: None,
        norm_epsilon: raw.rms_norm_eps.unwrap_or(family.epsilon),
        norms: Norms::Before,
        norms_from_one: false,
        rope: rope(raw, family)?,
        local_theta: family.theta,
        biases: Biases { qkv: false, output: false, mlp: false },
        qk_norm: QkNorm::None,
        activation: Activation::Silu,
        experts: None,
        embedding_scale: None,
        context: raw.max_position_embeddings as usize,
        tied: raw.tie_word_embeddings.unwrap_or(family.tied),
        initializer_range: raw.initializer_range,
        end_tokens,
    };
    (family.differ)(raw, &mut config)?;
    check_activation(raw, config.activation)?;
    if config.kinds.iter().any(|kind| kind.window.is_some_and(|window| window < 1)) {
        return Err("sliding_window must be at least 1".into());
    }
    Ok(config)
}

fn check_sizes(raw: &RawConfig, kv_heads: i64, head_width: i64) -> Result<(), String> {
    let sizes = [
        ("vocab_size", raw.vocab_size, LARGEST),
        ("hidden_size", raw.hidden_size, LARGEST),
        ("intermediate_size", raw.intermediate_size, LARGEST),
        ("num_hidden_layers", raw.num_hidden_layers, MOST_LAYERS),
        ("num_attention_heads", raw.num_attention_heads, LARGEST),
        ("num_key_value_heads", kv_heads, LARGEST),
        ("head_dim", head_width, LARGEST),
        ("max_position_embeddings", raw.max_position_embeddings, LONGEST_CONTEXT),
    ];
    for (key, value, most) in sizes {
        if !(1..=most).contains(&value) {
            return Err(format!("{key} is {value}, it must be from 1 to {most}"));
        }
    }
    if head_width % 2 != 0 {
        return Err(format!("head_dim is {head_width}, it must be even"));
    }
    if raw.num_attention_heads % kv_heads != 0 {
        return Err(format!(
            "num_key_value_heads {kv_heads} does not divide num_attention_heads {}",
            raw.num_attention_heads
        ));
    }
    Ok(())
}

/// The nonlinearity is the one that the family has.
fn check_activation(raw: &RawConfig, activation: Activation) -> Result<(), String> {
    let (key, expected) = match activation {
        Activation::Silu => ("hidden_act", "silu"),
        Activation::GeluTanh => ("hidden_activation", "gelu_pytorch_tanh"),
    };
    match raw.text(key) {
        Some(other) if other != expected => Err(format!("{key} `{other}` is not supported")),
        _ => Ok(()),
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::Io {
        action: "read",
        path: path.into(),
        source,
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ModelError::Invalid { path: path.into(), problem: error.to_string() })
}

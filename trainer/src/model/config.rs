//! `config.json` of a Hugging Face folder, as far as the decoder needs it.

use std::path::Path;

use serde::Deserialize;

use super::ModelError;

/// The shape of a Qwen3 decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Token ids.
    pub vocabulary: i64,
    /// Width of the residual stream.
    pub hidden: i64,
    /// Width inside the MLP.
    pub intermediate: i64,
    /// Decoder layers.
    pub layers: usize,
    /// Query heads.
    pub heads: i64,
    /// Key and value heads; divides `heads`.
    pub kv_heads: i64,
    /// Width of a head.
    pub head_width: i64,
    /// Epsilon of the RMS norms.
    pub norm_epsilon: f64,
    /// Base of the rotary embedding.
    pub rope_theta: f64,
    /// Longest sequence, tokens.
    pub context: usize,
    /// Whether the output matrix is the embedding.
    pub tied: bool,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// Tokens that end a response.
    pub end_tokens: Vec<u32>,
}

#[derive(Deserialize)]
struct RawConfig {
    model_type: String,
    vocab_size: i64,
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: usize,
    num_attention_heads: i64,
    num_key_value_heads: i64,
    head_dim: i64,
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    // transformers 5 writes the rotary settings here.
    rope_parameters: Option<RopeParameters>,
    rope_scaling: Option<serde_json::Value>,
    max_position_embeddings: usize,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default = "silu")]
    hidden_act: String,
    #[serde(default = "default_range")]
    initializer_range: f64,
    eos_token_id: Option<TokenIds>,
}

#[derive(Deserialize)]
struct RopeParameters {
    rope_theta: f64,
    #[serde(default = "default_rope")]
    rope_type: String,
}

#[derive(Deserialize)]
struct GenerationConfig {
    eos_token_id: Option<TokenIds>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TokenIds {
    One(u32),
    Several(Vec<u32>),
}

impl From<TokenIds> for Vec<u32> {
    fn from(ids: TokenIds) -> Self {
        match ids {
            TokenIds::One(id) => vec![id],
            TokenIds::Several(ids) => ids,
        }
    }
}

fn silu() -> String {
    "silu".into()
}

fn default_rope() -> String {
    "default".into()
}

fn default_range() -> f64 {
    0.02
}

impl ModelConfig {
    /// Reads `config.json`, and the end tokens of `generation_config.json` if that exists.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        let raw: RawConfig = parse(&path)?;
        let generation = folder.join("generation_config.json");
        let end_tokens = if generation.exists() {
            parse::<GenerationConfig>(&generation)?.eos_token_id
        } else {
            None
        };
        Self::build(raw, end_tokens).map_err(|problem| ModelError::Unsupported { path, problem })
    }

    fn build(raw: RawConfig, end_tokens: Option<TokenIds>) -> Result<Self, String> {
        let unsupported = |what: &str| Err(format!("{what} is not supported"));
        if raw.model_type != "qwen3" {
            return unsupported(&format!("model_type `{}`", raw.model_type));
        }
        if raw.hidden_act != "silu" {
            return unsupported(&format!("hidden_act `{}`", raw.hidden_act));
        }
        if raw.attention_bias {
            return unsupported("attention_bias");
        }
        if raw.use_sliding_window {
            return unsupported("use_sliding_window");
        }
        if raw.rope_scaling.is_some_and(|scaling| !scaling.is_null())
            || raw.rope_parameters.as_ref().is_some_and(|rope| rope.rope_type != "default")
        {
            return unsupported("rope scaling");
        }
        let theta = raw.rope_theta.or(raw.rope_parameters.map(|rope| rope.rope_theta));
        let Some(rope_theta) = theta else { return Err("rope_theta is missing".into()) };
        let sizes = [
            ("vocab_size", raw.vocab_size),
            ("hidden_size", raw.hidden_size),
            ("intermediate_size", raw.intermediate_size),
            ("num_hidden_layers", raw.num_hidden_layers as i64),
            ("num_attention_heads", raw.num_attention_heads),
            ("num_key_value_heads", raw.num_key_value_heads),
            ("head_dim", raw.head_dim),
            ("max_position_embeddings", raw.max_position_embeddings as i64),
        ];
        if let Some((key, value)) = sizes.into_iter().find(|&(_, value)| value < 1) {
            return Err(format!("{key} is {value}, it must be at least 1"));
        }
        if raw.head_dim % 2 != 0 {
            return Err(format!("head_dim is {}, it must be even", raw.head_dim));
        }
        if raw.num_attention_heads % raw.num_key_value_heads != 0 {
            return Err(format!(
                "num_key_value_heads {} does not divide num_attention_heads {}",
                raw.num_key_value_heads, raw.num_attention_heads
            ));
        }
        Ok(Self {
            vocabulary: raw.vocab_size,
            hidden: raw.hidden_size,
            intermediate: raw.intermediate_size,
            layers: raw.num_hidden_layers,
            heads: raw.num_attention_heads,
            kv_heads: raw.num_key_value_heads,
            head_width: raw.head_dim,
            norm_epsilon: raw.rms_norm_eps,
            rope_theta,
            context: raw.max_position_embeddings,
            tied: raw.tie_word_embeddings,
            initializer_range: raw.initializer_range,
            end_tokens: end_tokens.or(raw.eos_token_id).map(Vec::from).unwrap_or_default(),
        })
    }

    /// Names and shapes of all parameters, in the order in which Hugging Face lists them.
    pub fn parameters(&self) -> Vec<(String, Vec<i64>)> {
        let (h, i, d) = (self.hidden, self.intermediate, self.head_width);
        let (q, kv) = (self.heads * d, self.kv_heads * d);
        let mut all = vec![("model.embed_tokens.weight".to_owned(), vec![self.vocabulary, h])];
        for layer in 0..self.layers {
            let shapes = [
                ("self_attn.q_proj", vec![q, h]),
                ("self_attn.k_proj", vec![kv, h]),
                ("self_attn.v_proj", vec![kv, h]),
                ("self_attn.o_proj", vec![h, q]),
                ("self_attn.q_norm", vec![d]),
                ("self_attn.k_norm", vec![d]),
                ("mlp.gate_proj", vec![i, h]),
                ("mlp.up_proj", vec![i, h]),
                ("mlp.down_proj", vec![h, i]),
                ("input_layernorm", vec![h]),
                ("post_attention_layernorm", vec![h]),
            ];
            all.extend(
                shapes.map(|(name, shape)| (format!("model.layers.{layer}.{name}.weight"), shape)),
            );
        }
        all.push(("model.norm.weight".into(), vec![h]));
        if !self.tied {
            all.push(("lm_head.weight".into(), vec![self.vocabulary, h]));
        }
        all
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

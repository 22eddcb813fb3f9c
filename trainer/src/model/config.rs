//! `config.json` of a Hugging Face folder, as far as the decoder needs it.

use std::path::Path;

use serde::Deserialize;

use super::ModelError;

/// Most layers, and the longest context: what is computed from them must not depend on a file's word
/// alone. The sizes that remain are those of its tensors too.
const MOST_LAYERS: i64 = 1 << 10;
const LONGEST_CONTEXT: i64 = 1 << 20;
/// The product of two sizes must fit.
const LARGEST: i64 = i32::MAX as i64;

/// The shape of a decoder. The families that people train differ in few options; each is a field
/// here, and the decoder asks for the option, never for the family.
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
    /// The rotary embedding.
    pub rope: Rope,
    /// Which projections have a bias.
    pub biases: Biases,
    /// Whether queries and keys of each head are normalised (Qwen3).
    pub qk_norm: bool,
    /// Longest sequence, tokens.
    pub context: usize,
    /// Whether the output matrix is the embedding.
    pub tied: bool,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// Tokens that end a response.
    pub end_tokens: Vec<u32>,
}

/// Which projections have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Biases {
    /// Those to queries, keys and values (Qwen2).
    pub qkv: bool,
    /// That out of attention.
    pub output: bool,
    /// Those of the MLP.
    pub mlp: bool,
}

/// The rotary embedding: its base, and how its frequencies are scaled for long contexts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f64,
    /// The scaling of Llama 3, if any.
    pub scaling: Option<Llama3Scaling>,
}

/// Scaling of type `llama3`: low frequencies are divided by `factor`, high ones stay, those between
/// are interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Llama3Scaling {
    /// What low frequencies are divided by.
    pub factor: f64,
    /// Wavelengths longer than `original_max_position_embeddings / low_freq_factor` are scaled.
    pub low_freq_factor: f64,
    /// Wavelengths shorter than `original_max_position_embeddings / high_freq_factor` are not.
    pub high_freq_factor: f64,
    /// Context that the model was pretrained with, tokens.
    pub original_max_position_embeddings: f64,
}

/// Model families, by their `model_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Llama,
    Qwen2,
    Qwen3,
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the file has them")]
struct RawConfig {
    vocab_size: i64,
    hidden_size: i64,
    intermediate_size: i64,
    num_hidden_layers: i64,
    num_attention_heads: i64,
    num_key_value_heads: Option<i64>,
    head_dim: Option<i64>,
    rms_norm_eps: f64,
    rope_theta: Option<f64>,
    // transformers 5 writes all rotary settings here,
    rope_parameters: Option<serde_json::Value>,
    // transformers 4 the scaling here.
    rope_scaling: Option<serde_json::Value>,
    max_position_embeddings: i64,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default)]
    layer_types: Vec<String>,
    #[serde(default = "silu")]
    hidden_act: String,
    #[serde(default = "default_range")]
    initializer_range: f64,
    eos_token_id: Option<TokenIds>,
    quantization_config: Option<serde_json::Value>,
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

fn default_range() -> f64 {
    0.02
}

impl ModelConfig {
    /// Reads `config.json`, and the end tokens of `generation_config.json` if that exists.
    pub fn load(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("config.json");
        let raw: serde_json::Value = parse(&path)?;
        let family = Family::of(&raw)
            .map_err(|problem| ModelError::Unsupported { path: path.clone(), problem })?;
        let raw = RawConfig::deserialize(raw).map_err(|error| ModelError::Invalid {
            path: path.clone(),
            problem: error.to_string(),
        })?;
        let generation = folder.join("generation_config.json");
        let end_tokens = if generation.exists() {
            parse::<GenerationConfig>(&generation)?.eos_token_id
        } else {
            None
        };
        Self::build(family, raw, end_tokens)
            .map_err(|problem| ModelError::Unsupported { path, problem })
    }

    fn build(family: Family, raw: RawConfig, end_tokens: Option<TokenIds>) -> Result<Self, String> {
        let unsupported = |what: &str| Err(format!("{what} is not supported"));
        if raw.hidden_act != "silu" {
            return unsupported(&format!("hidden_act `{}`", raw.hidden_act));
        }
        if raw.use_sliding_window || raw.layer_types.iter().any(|kind| kind != "full_attention") {
            return unsupported("sliding-window attention");
        }
        if raw.quantization_config.is_some() {
            return unsupported("a quantized model");
        }
        let rope = Rope::of(&raw)?;
        let kv_heads = raw.num_key_value_heads.unwrap_or(raw.num_attention_heads);
        let head_width = match raw.head_dim {
            Some(width) => width,
            None if family == Family::Qwen3 => 128,
            None => raw.hidden_size / raw.num_attention_heads.max(1),
        };
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
        Ok(Self {
            vocabulary: raw.vocab_size,
            hidden: raw.hidden_size,
            intermediate: raw.intermediate_size,
            layers: raw.num_hidden_layers as usize,
            heads: raw.num_attention_heads,
            kv_heads,
            head_width,
            norm_epsilon: raw.rms_norm_eps,
            rope,
            biases: Biases {
                // Qwen2 has these and no others, whatever its configuration says.
                qkv: family == Family::Qwen2 || raw.attention_bias,
                output: family != Family::Qwen2 && raw.attention_bias,
                mlp: family == Family::Llama && raw.mlp_bias,
            },
            qk_norm: family == Family::Qwen3,
            context: raw.max_position_embeddings as usize,
            tied: raw.tie_word_embeddings,
            initializer_range: raw.initializer_range,
            end_tokens: end_tokens.or(raw.eos_token_id).map(Vec::from).unwrap_or_default(),
        })
    }

    /// Names and shapes of all parameters, in the order in which Hugging Face lists them.
    pub fn parameters(&self) -> Vec<(String, Vec<i64>)> {
        let (h, i, d) = (self.hidden, self.intermediate, self.head_width);
        let (q, kv) = (self.heads * d, self.kv_heads * d);
        let linears = [
            ("self_attn.q_proj", q, h, self.biases.qkv),
            ("self_attn.k_proj", kv, h, self.biases.qkv),
            ("self_attn.v_proj", kv, h, self.biases.qkv),
            ("self_attn.o_proj", h, q, self.biases.output),
            ("mlp.gate_proj", i, h, self.biases.mlp),
            ("mlp.up_proj", i, h, self.biases.mlp),
            ("mlp.down_proj", h, i, self.biases.mlp),
        ];
        let mut norms = vec![("input_layernorm", h), ("post_attention_layernorm", h)];
        if self.qk_norm {
            norms.extend([("self_attn.q_norm", d), ("self_attn.k_norm", d)]);
        }
        let mut all = vec![("model.embed_tokens.weight".to_owned(), vec![self.vocabulary, h])];
        for layer in 0..self.layers {
            let name = |part: &str, what: &str| format!("model.layers.{layer}.{part}.{what}");
            for (part, rows, columns, bias) in linears {
                all.push((name(part, "weight"), vec![rows, columns]));
                if bias {
                    all.push((name(part, "bias"), vec![rows]));
                }
            }
            all.extend(norms.iter().map(|&(part, width)| (name(part, "weight"), vec![width])));
        }
        all.push(("model.norm.weight".into(), vec![h]));
        if !self.tied {
            all.push(("lm_head.weight".into(), vec![self.vocabulary, h]));
        }
        all
    }
}

impl Family {
    fn of(config: &serde_json::Value) -> Result<Self, String> {
        let Some(name) = config.get("model_type").and_then(serde_json::Value::as_str) else {
            return Err("model_type is missing".into());
        };
        match name {
            "llama" => Ok(Self::Llama),
            "qwen2" => Ok(Self::Qwen2),
            "qwen3" => Ok(Self::Qwen3),
            other => Err(format!("model_type `{other}` is not supported")),
        }
    }
}

impl Rope {
    fn of(raw: &RawConfig) -> Result<Self, String> {
        let absent = serde_json::Value::Null;
        let given =
            |value: &Option<serde_json::Value>| value.clone().filter(|value| !value.is_null());
        let settings = given(&raw.rope_parameters).or(given(&raw.rope_scaling)).unwrap_or(absent);
        let text = |key: &str| settings.get(key).and_then(serde_json::Value::as_str);
        let theta = settings.get("rope_theta").and_then(serde_json::Value::as_f64);
        let Some(theta) = theta.or(raw.rope_theta) else {
            return Err("rope_theta is missing".into());
        };
        let scaling = match text("rope_type").or(text("type")) {
            None | Some("default") => None,
            Some("llama3") => Some(
                Llama3Scaling::deserialize(&settings)
                    .map_err(|error| format!("the rotary scaling is not complete: {error}"))?,
            ),
            Some(other) => return Err(format!("rotary scaling `{other}` is not supported")),
        };
        Ok(Self { theta, scaling })
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

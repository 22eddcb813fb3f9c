//! `config.json` of a Hugging Face folder as it stands there.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The keys that all families have, and all others.
#[derive(Deserialize)]
pub(super) struct RawConfig {
    pub vocab_size: i64,
    pub hidden_size: i64,
    pub intermediate_size: i64,
    pub num_hidden_layers: i64,
    pub num_attention_heads: i64,
    pub num_key_value_heads: Option<i64>,
    pub head_dim: Option<i64>,
    pub rms_norm_eps: Option<f64>,
    pub max_position_embeddings: i64,
    pub tie_word_embeddings: Option<bool>,
    #[serde(default)]
    pub attention_bias: bool,
    #[serde(default)]
    pub layer_types: Option<Vec<String>>,
    #[serde(default = "default_range")]
    pub initializer_range: f64,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

fn default_range() -> f64 {
    0.02
}

impl RawConfig {
    /// A key that is neither missing nor null.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.other.get(key).filter(|value| !value.is_null())
    }

    pub fn integer(&self, key: &str) -> Option<i64> {
        self.get(key)?.as_i64()
    }

    pub fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_f64()
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// A switch that is off where it is missing.
    pub fn switch(&self, key: &str) -> bool {
        self.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The window of each layer: that of `slides`, unless `layer_types` says otherwise.
    pub fn windows(
        &self,
        window: Option<i64>,
        slides: impl Fn(usize) -> bool,
    ) -> Result<Vec<Option<i64>>, String> {
        let layers = self.num_hidden_layers as usize;
        let slide: Vec<bool> = match &self.layer_types {
            None => (0..layers).map(|layer| window.is_some() && slides(layer)).collect(),
            Some(types) => {
                let slides = |kind: &String| match kind.as_str() {
                    "full_attention" => Ok(false),
                    "sliding_attention" => Ok(true),
                    other => Err(format!("layer_types has `{other}`, which is not supported")),
                };
                let mut slide = types.iter().map(slides).collect::<Result<Vec<_>, _>>()?;
                slide.resize(layers, false);
                slide
            }
        };
        if slide.contains(&true) && window.is_none() {
            return Err("sliding-window attention is not supported without a sliding_window".into());
        }
        Ok(slide.into_iter().map(|slides| window.filter(|_| slides)).collect())
    }
}

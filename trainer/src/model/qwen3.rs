//! The Qwen3 decoder: RMS norms, rotary positions, grouped-query attention with normalised queries
//! and keys, a gated MLP.
//!
//! One layer, three ways to attend: over whole sequences ([`Qwen3::hidden`], for training), over
//! prompts whose keys and values are kept ([`Qwen3::prefill`]), and one token at a time over a
//! cache ([`Qwen3::decode`]). Letters in shapes: B sequences, T tokens, H hidden width, D head
//! width, V vocabulary.

use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::cache::MIN_ROWS;
use super::{KvCache, ModelConfig, ModelError, files, init};

/// A Qwen3 decoder and its weights, f32.
pub struct Qwen3 {
    config: ModelConfig,
    /// All parameters, in the order of [`ModelConfig::parameters`].
    parameters: Vec<(String, Tensor)>,
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Tensor,
    /// Rotary tables, [context, D] each.
    cos: Tensor,
    sin: Tensor,
}

struct Layer {
    query: Tensor,
    key: Tensor,
    value: Tensor,
    output: Tensor,
    query_norm: Tensor,
    key_norm: Tensor,
    gate: Tensor,
    up: Tensor,
    down: Tensor,
    input_norm: Tensor,
    attention_norm: Tensor,
}

impl Qwen3 {
    /// Reads `config.json` and the safetensors files of a Hugging Face folder.
    pub fn load(folder: &Path, device: Device) -> Result<Self, ModelError> {
        let config = ModelConfig::load(folder)?;
        let tensors = Self::read(&config, folder)?;
        Ok(Self::build(config, tensors, device))
    }

    /// Fresh weights for the `config.json` of a folder.
    pub fn fresh(folder: &Path, seed: i64, device: Device) -> Result<Self, ModelError> {
        let config = ModelConfig::load(folder)?;
        let tensors = init::fresh(&config, seed);
        Ok(Self::build(config, tensors, device))
    }

    /// Replaces the weights by those of another folder. On an error the old weights stay.
    pub fn reload(&mut self, folder: &Path) -> Result<(), ModelError> {
        let tensors = Self::read(&self.config, folder)?;
        tch::no_grad(|| {
            for ((_, parameter), new) in self.parameters.iter_mut().zip(tensors) {
                parameter.copy_(&new);
            }
        });
        Ok(())
    }

    fn read(config: &ModelConfig, folder: &Path) -> Result<Vec<Tensor>, ModelError> {
        files::read_tensors(folder, &config.parameters())
    }

    fn build(config: ModelConfig, tensors: Vec<Tensor>, device: Device) -> Self {
        let names = config.parameters().into_iter().map(|(name, _)| name);
        let parameters: Vec<(String, Tensor)> =
            names.zip(tensors).map(|(name, tensor)| (name, tensor.to_device(device))).collect();
        let mut in_order = parameters.iter().map(|(_, tensor)| tensor.shallow_clone());
        let mut next = || in_order.next().expect("ModelConfig::parameters lists every tensor");
        let embedding = next();
        let layers = (0..config.layers)
            .map(|_| Layer {
                query: next(),
                key: next(),
                value: next(),
                output: next(),
                query_norm: next(),
                key_norm: next(),
                gate: next(),
                up: next(),
                down: next(),
                input_norm: next(),
                attention_norm: next(),
            })
            .collect();
        let norm = next();
        let head = if config.tied { embedding.shallow_clone() } else { next() };
        let (cos, sin) = rotary_tables(&config, device);
        Self { config, parameters, embedding, layers, norm, head, cos, sin }
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.embedding.device()
    }

    /// Names and tensors of all parameters, under their Hugging Face names.
    pub fn parameters(&self) -> &[(String, Tensor)] {
        &self.parameters
    }

    /// Number of parameters.
    pub fn size(&self) -> usize {
        self.parameters.iter().map(|(_, tensor)| tensor.numel()).sum()
    }

    /// Last hidden states `[B, T, H]` of whole sequences `[B, T]`, each from its first token on.
    /// Padding goes to the right, where causal attention keeps it from what precedes it.
    pub fn hidden(&self, ids: &Tensor) -> Tensor {
        self.forward(ids, &self.positions(ids), |_, q, k, v| causal(q, k, v))
    }

    /// As [`Self::hidden`], and the keys and values of each layer for [`KvCache::push`].
    pub fn prefill(&self, ids: &Tensor) -> (Tensor, Vec<(Tensor, Tensor)>) {
        let mut kept = Vec::with_capacity(self.layers.len());
        let hidden = self.forward(ids, &self.positions(ids), |_, q, k, v| {
            kept.push((k.shallow_clone(), v.shallow_clone()));
            causal(q, k, v)
        });
        (hidden, kept)
    }

    /// Appends one token to each sequence of the cache and returns its last hidden states
    /// `[len, H]`.
    pub fn decode(&self, tokens: &[u32], cache: &mut KvCache) -> Tensor {
        let count = cache.len();
        assert_eq!(tokens.len(), count, "one token a sequence");
        let (rows, length) = cache.block();
        let device = self.device();
        let mut ids: Vec<i64> = tokens.iter().map(|&id| i64::from(id)).collect();
        ids.resize(rows as usize, 0);
        let ids = Tensor::from_slice(&ids).view([rows, 1]).to_device(device);
        let positions = Tensor::from_slice(&cache.positions()).to_device(device);
        // [R, 1, 1, L]: each row sees its own tokens, the new one included.
        let visible = Tensor::arange(length, (Kind::Int64, device))
            .le_tensor(&positions.unsqueeze(1))
            .view([rows, 1, 1, length]);
        let hidden = self.forward(&ids, &positions.unsqueeze(1), |layer, q, k, v| {
            let (keys, values) = cache.append(layer, &positions, k, v);
            attention(q, &keys, &values, Some(&visible), false)
        });
        cache.advance();
        hidden.squeeze_dim(1).narrow(0, 0, count as i64)
    }

    /// Logits `[..., V]` of hidden states `[..., H]`.
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        let mut shape = hidden.size();
        let rows = hidden.numel() as i64 / self.config.hidden;
        let flat = hidden.reshape([rows, self.config.hidden]);
        let flat = if rows < MIN_ROWS as i64 {
            flat.constant_pad_nd([0, 0, 0, MIN_ROWS as i64 - rows])
        } else {
            flat
        };
        let logits = linear(&flat, &self.head).narrow(0, 0, rows);
        if let Some(last) = shape.last_mut() {
            *last = self.config.vocabulary;
        }
        logits.view(shape.as_slice())
    }

    fn positions(&self, ids: &Tensor) -> Tensor {
        Tensor::arange(ids.size()[1], (Kind::Int64, self.device())).unsqueeze(0)
    }

    fn forward(
        &self,
        ids: &Tensor,
        positions: &Tensor,
        mut attend: impl FnMut(usize, &Tensor, &Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        // [B or 1, 1, T, D]: the same for all heads.
        let rotary =
            |table: &Tensor| Tensor::embedding(table, positions, -1, false, false).unsqueeze(1);
        let (cos, sin) = (rotary(&self.cos), rotary(&self.sin));
        let mut x = Tensor::embedding(&self.embedding, ids, -1, false, false);
        for (index, layer) in self.layers.iter().enumerate() {
            let attended =
                layer.attention(&self.config, &self.norm_of(&x, &layer.input_norm), |q, k, v| {
                    attend(index, &rotate(q, &cos, &sin), &rotate(k, &cos, &sin), v)
                });
            // Not in place: backward needs what is added to.
            x = &x + attended;
            x = &x + layer.mlp(&self.norm_of(&x, &layer.attention_norm));
        }
        self.norm_of(&x, &self.norm)
    }

    fn norm_of(&self, x: &Tensor, weight: &Tensor) -> Tensor {
        rms_norm(x, weight, self.config.norm_epsilon)
    }
}

impl Layer {
    /// `[B, T, H]` to `[B, T, H]`; `attend` maps queries `[B, Hq, T, D]`, keys and values
    /// `[B, Hkv, T, D]` to `[B, Hq, T, D]`.
    fn attention(
        &self,
        config: &ModelConfig,
        x: &Tensor,
        attend: impl FnOnce(&Tensor, &Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let (batch, tokens, _) = x.size3().expect("[B, T, H]");
        let heads = |weight: &Tensor, count: i64| {
            linear(x, weight).view([batch, tokens, count, config.head_width])
        };
        let q = rms_norm(&heads(&self.query, config.heads), &self.query_norm, config.norm_epsilon);
        let k = rms_norm(&heads(&self.key, config.kv_heads), &self.key_norm, config.norm_epsilon);
        let v = heads(&self.value, config.kv_heads);
        let attended = attend(&q.transpose(1, 2), &k.transpose(1, 2), &v.transpose(1, 2));
        let flat = attended.transpose(1, 2).reshape([batch, tokens, -1]);
        linear(&flat, &self.output)
    }

    fn mlp(&self, x: &Tensor) -> Tensor {
        linear(&(linear(x, &self.gate).silu() * linear(x, &self.up)), &self.down)
    }
}

fn linear(x: &Tensor, weight: &Tensor) -> Tensor {
    x.linear::<Tensor>(weight, None)
}

fn rms_norm(x: &Tensor, weight: &Tensor, epsilon: f64) -> Tensor {
    let width = weight.size()[0];
    x.rms_norm([width], Some(weight), epsilon)
}

fn causal(q: &Tensor, k: &Tensor, v: &Tensor) -> Tensor {
    attention(q, k, v, None, true)
}

fn attention(q: &Tensor, k: &Tensor, v: &Tensor, visible: Option<&Tensor>, causal: bool) -> Tensor {
    let grouped = q.size()[1] != k.size()[1];
    Tensor::scaled_dot_product_attention(q, k, v, visible, 0.0, causal, None, grouped)
}

/// Rotates each head by its position: `x cos + rotate_half(x) sin`.
fn rotate(x: &Tensor, cos: &Tensor, sin: &Tensor) -> Tensor {
    let half = cos.size()[3] / 2;
    let (first, second) = (x.narrow(3, 0, half), x.narrow(3, half, half));
    x * cos + Tensor::cat(&[-second, first], 3) * sin
}

/// cos and sin of `position / theta^(2i / D)`, `[context, D]` each, the two halves alike. Padding
/// may go past the context.
fn rotary_tables(config: &ModelConfig, device: Device) -> (Tensor, Tensor) {
    let options = (Kind::Float, device);
    let exponents =
        Tensor::arange_start_step(0, config.head_width, 2, options) / config.head_width as f64;
    let frequencies =
        Tensor::from(config.rope_theta as f32).to_device(device).pow(&exponents).reciprocal();
    let angles =
        Tensor::arange(KvCache::padded(config.context) as i64, options).outer(&frequencies);
    let angles = Tensor::cat(&[&angles, &angles], 1);
    (angles.cos(), angles.sin())
}

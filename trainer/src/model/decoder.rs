//! The decoder: embedding, layers, norm, output matrix.
//!
//! One layer, three kinds of attention: over packed sequences ([`Decoder::layer`], for training), over
//! prompts whose keys and values are stored ([`Decoder::prefill`]), and one token at a time over a
//! cache ([`Decoder::decode`]). Letters in shapes: B sequences, T tokens, H hidden width, D head
//! width, V vocabulary.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::attention::Packing;
use super::cache::MIN_ROWS;
use super::layer::Layer;
use super::linear::LowRank;
use super::lora::{self, Adapter};
use super::norm::Norm;
use super::rope::{Angles, Rotary};
use super::{KvCache, ModelConfig, ModelError, Shards, attention, files, init};

/// A decoder and its weights.
pub struct Decoder {
    config: ModelConfig,
    /// The adapter that is trained in place of the parameters, if there is one.
    adapter: Option<Adapter>,
    /// All parameters, in the order of [`ModelConfig::parameters`].
    parameters: Vec<(String, Tensor)>,
    embedding: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
    head: Tensor,
    rotary: Rotary,
}

/// Mask of a slab: what the new token of each row sees, its own tokens and itself.
struct Visible {
    /// `[L]`.
    columns: Tensor,
    /// Positions of the new tokens, `[R, 1]`.
    ends: Tensor,
    /// `[R, 1, 1, L]`.
    all: Tensor,
}

impl Visible {
    fn new(length: i64, ends: &Tensor) -> Self {
        let columns = Tensor::arange(length, (Kind::Int64, ends.device()));
        let ends = ends.unsqueeze(1);
        let all = columns.le_tensor(&ends).unsqueeze(1).unsqueeze(1);
        Self { columns, ends, all }
    }

    /// The last tokens inside the window, or all.
    fn within(&self, window: Option<i64>) -> Tensor {
        let Some(window) = window else { return self.all.shallow_clone() };
        let near = self.columns.gt_tensor(&(&self.ends - window)).unsqueeze(1).unsqueeze(1);
        self.all.logical_and(&near)
    }
}

/// Where the parts of a decoder stand in its list of trained tensors.
#[derive(Clone, Debug)]
pub struct Places {
    /// The embedding.
    pub embedding: Option<usize>,
    /// The trained tensors of each layer.
    pub layers: Vec<Range<usize>>,
    /// The norm after the last layer.
    pub norm: Option<usize>,
    /// The output matrix; the same place as the embedding if they are tied.
    pub head: Option<usize>,
}

impl Places {
    /// The parts in the order in which the backward pass finishes them: what is above the layers,
    /// each layer, what is below. A part may be empty.
    pub fn in_backward_order(&self) -> Vec<Range<usize>> {
        let on_top = |norm: usize| norm..norm + 1 + usize::from(self.head == Some(norm + 1));
        let top = self.norm.map_or(0..0, on_top);
        let bottom = self.embedding.map_or(0..0, |place| place..place + 1);
        let layers = self.layers.iter().rev().cloned();
        std::iter::once(top).chain(layers).chain([bottom]).collect()
    }
}

impl Decoder {
    /// Reads `config.json` and the safetensors files of a Hugging Face folder. Weights are f32. For
    /// an adapter's folder it returns the model with the adapter merged.
    pub fn load(folder: &Path, device: Device) -> Result<Self, ModelError> {
        Self::load_as(folder, (Kind::Float, device))
    }

    /// Reads a model that is not trained, with weights of the given kind.
    pub fn load_as(folder: &Path, (kind, device): (Kind, Device)) -> Result<Self, ModelError> {
        if let Some(adapter) = lora::ignored_adapter(folder) {
            let adapter = adapter.display();
            tracing::warn!("{adapter} is ignored: the folder has a whole model beside it");
        }
        let config = ModelConfig::load(&lora::described_in(folder)?)?;
        let tensors = Self::read(&config, folder)?;
        // One at a time before they are moved: a device need not have room for both kinds.
        let tensors = tensors.into_iter().map(|tensor| tensor.to_kind(kind)).collect();
        Ok(Self::build(config, tensors, device))
    }

    /// The model with an adapter, which is trained in place of the weights.
    #[must_use]
    pub fn adapted(mut self, adapter: Adapter) -> Self {
        let (device, scale) = (self.device(), adapter.form.scale());
        let moved = |(name, tensor): (String, Tensor)| (name, tensor.to_device(device));
        let parameters: Vec<_> = adapter.parameters.into_iter().map(moved).collect();
        let targets: Vec<_> = adapter.form.targets().collect();
        let mut pairs = parameters.chunks_exact(2);
        for layer in &mut self.layers {
            for (&target, pair) in targets.iter().zip(&mut pairs) {
                let [a, b] = [0, 1].map(|index: usize| pair[index].1.shallow_clone());
                layer.adapt(target, LowRank { a, b, scale });
            }
        }
        Self { adapter: Some(Adapter { parameters, ..adapter }), ..self }
    }

    /// The model without its adapter; both share the weights.
    #[must_use]
    pub fn without_adapter(&self) -> Self {
        let tensors = self.parameters.iter().map(|(_, tensor)| tensor.shallow_clone()).collect();
        Self::build(self.config.clone(), tensors, self.device())
    }

    /// Reads `config.json` of a folder, and the weights from files beside it.
    pub fn load_shards(
        folder: &Path,
        shards: &mut Shards,
        (kind, device): (Kind, Device),
    ) -> Result<Self, ModelError> {
        let config = ModelConfig::load(folder)?;
        let read = |(name, shape): &(String, Vec<i64>)| {
            Ok(shards.read(name, shape)?.to_kind(kind).to_device(device))
        };
        let tensors: Result<_, ModelError> = config.parameters().iter().map(read).collect();
        Ok(Self::build(config, tensors?, device))
    }

    /// A model with fresh weights for the `config.json` of a folder.
    pub fn fresh(folder: &Path, seed: i64, device: Device) -> Result<Self, ModelError> {
        Self::fresh_as(folder, seed, (Kind::Float, device))
    }

    /// A model with fresh weights of the given kind, which is not trained.
    pub fn fresh_as(
        folder: &Path,
        seed: i64,
        (kind, device): (Kind, Device),
    ) -> Result<Self, ModelError> {
        let config = ModelConfig::load(folder)?;
        let tensors = init::fresh(&config, seed, (kind, device));
        Ok(Self::build(config, tensors, device))
    }

    /// Replaces the weights with those of another folder. On an error the old weights stay.
    pub fn reload(&mut self, folder: &Path) -> Result<(), ModelError> {
        let tensors = Self::read(&self.config, folder)?;
        tch::no_grad(|| {
            for ((_, parameter), new) in self.parameters.iter_mut().zip(tensors) {
                parameter.copy_(&new);
            }
        });
        Ok(())
    }

    pub(super) fn read(config: &ModelConfig, folder: &Path) -> Result<Vec<Tensor>, ModelError> {
        if !lora::is_adapter(folder) {
            let tensors = files::read_tensors(folder, &config.parameters())?;
            if config.tied {
                Self::check_tied(folder, &tensors[0])?;
            }
            return Ok(tensors);
        }
        let adapter = lora::load(folder)?;
        let tensors = Self::read(config, &adapter.base)?;
        let names = config.parameters().into_iter().map(|(name, _)| name);
        let named: Vec<(String, Tensor)> = names.zip(tensors).collect();
        lora::merge(&adapter, &named);
        Ok(named.into_iter().map(|(_, tensor)| tensor).collect())
    }

    /// A tied model may have a copy of its embedding as `lm_head`, but no other matrix:
    /// some libraries would use it, others would not.
    fn check_tied(folder: &Path, embedding: &Tensor) -> Result<(), ModelError> {
        match files::read_if_there(folder, "lm_head.weight")? {
            Some((path, head)) if !head.equal(embedding) => Err(ModelError::UntiedHead { path }),
            _ => Ok(()),
        }
    }

    fn build(config: ModelConfig, tensors: Vec<Tensor>, device: Device) -> Self {
        let names = config.parameters().into_iter().map(|(name, _)| name);
        let parameters: Vec<(String, Tensor)> =
            names.zip(tensors).map(|(name, tensor)| (name, tensor.to_device(device))).collect();
        let named: HashMap<&str, &Tensor> =
            parameters.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        // ModelConfig::parameters lists every tensor that is read here.
        let take = |name: &str| named[name].shallow_clone();
        let embedding = take("model.embed_tokens.weight");
        let layers = (0..config.layers)
            .map(|layer| {
                Layer::new(&config, layer, |name| take(&format!("model.layers.{layer}.{name}")))
            })
            .collect();
        let norm = Norm::new(take("model.norm.weight"), &config);
        let head = if config.tied { embedding.shallow_clone() } else { take("lm_head.weight") };
        // Padding may exceed the context.
        let rotary = Rotary::new(&config, KvCache::padded(config.context), device);
        Self { config, adapter: None, parameters, embedding, layers, norm, head, rotary }
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

    /// The adapter, if it has one.
    pub fn adapter(&self) -> Option<&Adapter> {
        self.adapter.as_ref()
    }

    /// Names and tensors of what is trained: the adapter if there is one, or all parameters.
    pub fn learned(&self) -> &[(String, Tensor)] {
        self.adapter.as_ref().map_or(&self.parameters, |adapter| &adapter.parameters)
    }

    /// Where the parts stand in [`Self::learned`].
    pub fn places(&self) -> Places {
        if let Some(adapter) = &self.adapter {
            let a_layer = adapter.parameters.len() / self.config.layers;
            let starts = (0..self.config.layers).map(|layer| layer * a_layer);
            let layers = starts.map(|start| start..start + a_layer).collect();
            return Places { embedding: None, layers, norm: None, head: None };
        }
        let (norm, head) = (self.parameters.len() - 2 + usize::from(self.config.tied), 0);
        let a_layer = (norm - 1) / self.config.layers;
        let layers =
            (0..self.config.layers).map(|layer| 1 + layer * a_layer..1 + (layer + 1) * a_layer);
        let head = if self.config.tied { head } else { norm + 1 };
        Places { embedding: Some(0), layers: layers.collect(), norm: Some(norm), head: Some(head) }
    }

    /// Number of parameters.
    pub fn size(&self) -> usize {
        self.parameters.iter().map(|(_, tensor)| tensor.numel()).sum()
    }

    /// Embeds tokens, `[...]` to `[..., H]`.
    pub fn embed(&self, ids: &Tensor) -> Tensor {
        let rows = Tensor::embedding(&self.embedding, ids, -1, false, false);
        self.scaled(rows)
    }

    /// The gradient of the embedding's rows of these tokens, given that of [`Self::embed`].
    pub fn of_embedded(&self, gradient: Tensor) -> Tensor {
        self.scaled(gradient)
    }

    fn scaled(&self, embedded: Tensor) -> Tensor {
        match self.config.embedding_scale {
            None => embedded,
            Some(scale) => embedded * scale,
        }
    }

    /// The window of a layer.
    fn window(&self, layer: usize) -> Option<i64> {
        self.config.kinds[layer].window
    }

    /// The rotary angles of tokens at `positions`, for activations of `kind`.
    pub fn angles(&self, positions: &Tensor, kind: Kind) -> Angles {
        self.rotary.at(positions, kind)
    }

    /// Layer `index` over packed sequences `[T, H]`; each attends to itself only.
    pub fn layer(&self, index: usize, x: &Tensor, angles: &Angles, packing: &Packing) -> Tensor {
        let window = self.window(index);
        self.layers[index].forward(x, angles, |q, k, v| attention::packed(q, k, v, packing, window))
    }

    /// The norm after the last layer.
    pub fn norm(&self) -> &Norm {
        &self.norm
    }

    /// The output matrix, `[V, H]`.
    pub fn head(&self) -> &Tensor {
        &self.head
    }

    /// Last hidden states `[B, T, H]` of prompts `[B, T]`, each from its first token on, and the
    /// keys and values of each layer for [`KvCache::push`]. Padding is on the right, where the causal
    /// mask hides it from the tokens before it.
    pub fn prefill(&self, ids: &Tensor) -> (Tensor, Vec<(Tensor, Tensor)>) {
        let positions = Tensor::arange(ids.size()[1], (Kind::Int64, self.device())).unsqueeze(0);
        let mut kept = Vec::with_capacity(self.layers.len());
        let hidden = self.forward(ids, &positions, |layer, q, k, v| {
            kept.push((k.transpose(1, 2), v.transpose(1, 2)));
            attention::causal(q, k, v, self.window(layer))
        });
        (hidden, kept)
    }

    /// Appends one token to each sequence of the cache and returns its last hidden states
    /// `[len, H]`.
    pub fn decode(&self, tokens: &[u32], cache: &mut KvCache) -> Tensor {
        let count = cache.len();
        assert_eq!(tokens.len(), count, "one token a sequence");
        let lengths = cache.grow();
        let device = self.device();
        let positions = Tensor::from_slice(&cache.positions()).to_device(device);
        let mut ids: Vec<i64> = tokens.iter().map(|&id| i64::from(id)).collect();
        ids.resize(positions.numel(), 0);
        let ids = Tensor::from_slice(&ids).unsqueeze(1).to_device(device);
        // One a slab: what its rows see.
        let of_slabs = positions.split(MIN_ROWS as i64, 0);
        let visible: Vec<_> = lengths
            .iter()
            .zip(&of_slabs)
            .map(|(&length, ends)| Visible::new(length, ends))
            .collect();
        let hidden = self.forward(&ids, &positions.unsqueeze(1), |layer, q, k, v| {
            let split = |x: &Tensor| x.transpose(1, 2).split(MIN_ROWS as i64, 0);
            let (q, k, v) = (split(q), split(k), split(v));
            let attended = (0..lengths.len()).map(|slab| {
                let place = (&of_slabs[slab], lengths[slab]);
                let (keys, values) = cache.append(layer, slab, place, &k[slab], &v[slab]);
                let visible = visible[slab].within(self.window(layer));
                attention::attention(&q[slab], &keys, &values, Some(&visible), false)
            });
            Tensor::cat(&attended.collect::<Vec<_>>(), 0)
        });
        cache.advance();
        hidden.squeeze_dim(1).narrow(0, 0, count as i64)
    }

    /// Logits `[..., V]` of hidden states `[..., H]`, for sampling.
    pub fn logits(&self, hidden: &Tensor) -> Tensor {
        let mut shape = hidden.size();
        let rows = hidden.numel() as i64 / self.config.hidden;
        let flat = hidden.reshape([rows, self.config.hidden]);
        let flat = if rows < MIN_ROWS as i64 {
            flat.constant_pad_nd([0, 0, 0, MIN_ROWS as i64 - rows])
        } else {
            flat
        };
        let logits = flat.linear::<Tensor>(&self.head, None).narrow(0, 0, rows);
        if let Some(last) = shape.last_mut() {
            *last = self.config.vocabulary;
        }
        logits.view(shape.as_slice())
    }

    fn forward(
        &self,
        ids: &Tensor,
        positions: &Tensor,
        mut attend: impl FnMut(usize, &Tensor, &Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let mut x = self.embed(ids);
        let angles = self.angles(positions, x.kind());
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, &angles, |q, k, v| attend(index, q, k, v));
        }
        self.norm.forward(&x)
    }
}

//! The decoder for sampling on the processor: weights laid out once, keys and values in pages, any
//! tokens of any sequences together. Without libtorch, whose products do not do well with few rows.
//!
//! Whatever is computed beside a token, and on however many threads, its numbers are the same
//! ([`retrial_native::cpu`]).

mod angles;
mod layer;
mod mlp;
mod token;
mod weights;

use std::path::Path;

use retrial_native::cpu::{Grid, Matrix, PageShape, Pool, scale};
use tch::Tensor;

pub use self::token::Token;

use self::angles::Angles;
use self::layer::PackedLayer;
use self::weights::{PackedNorm, Tensors};
use super::pages::Table;
use super::{Decoder, ModelConfig, ModelError};

/// Tokens that go through the layers together.
const TOGETHER: usize = 480;

/// A decoder and its weights.
pub struct Packed {
    config: ModelConfig,
    /// Absent if it is the output matrix.
    embedding: Option<Matrix>,
    layers: Vec<PackedLayer>,
    norm: PackedNorm,
    head: Matrix,
    angles: Angles,
}

impl Packed {
    /// Lays out the weights of a decoder.
    pub fn new(model: &Decoder) -> Self {
        let tensors = model.parameters().iter().map(|(_, tensor)| tensor.shallow_clone());
        Self::build(model.config().clone(), tensors.collect())
    }

    /// Replaces the weights with those of another folder. On an error the old weights stay.
    pub fn reload(&mut self, folder: &Path) -> Result<(), ModelError> {
        let tensors = Decoder::read(&self.config, folder)?;
        *self = Self::build(self.config.clone(), tensors);
        Ok(())
    }

    fn build(config: ModelConfig, tensors: Vec<Tensor>) -> Self {
        let tensors = Tensors::new(&config, tensors);
        let matrix = |name: &str| {
            let mut matrix = Matrix::new(config.vocabulary as usize, config.hidden as usize);
            matrix.set(0, &tensors.numbers(name));
            matrix
        };
        let embedding = "model.embed_tokens.weight";
        Self {
            embedding: (!config.tied).then(|| matrix(embedding)),
            head: matrix(if config.tied { embedding } else { "lm_head.weight" }),
            layers: (0..config.layers)
                .map(|layer| PackedLayer::new(&tensors, layer, &config))
                .collect(),
            norm: PackedNorm::new(&tensors, "model.norm", &config),
            angles: Angles::new(&config),
            config,
        }
    }

    /// The options.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What a page of keys and values of a model takes.
    pub fn page_shape(config: &ModelConfig) -> PageShape {
        PageShape {
            layers: config.layers,
            heads: config.kv_heads as usize,
            width: config.head_width as usize,
        }
    }

    /// Computes tokens, and writes their keys and values to the pages of `tables`, which have room for
    /// them. Those of a sequence are in order, and all before them are there. Returns the last hidden
    /// states of those that are wanted, `[n, H]`.
    pub fn run(&self, tokens: &[Token], tables: &mut [Table], pool: &Pool) -> Grid {
        let hidden = self.config.hidden as usize;
        let wanted = tokens.iter().filter(|token| token.wanted).count();
        let (mut kept, mut at) = (Grid::new(hidden), 0);
        kept.resize(wanted);
        for tokens in tokens.chunks(TOGETHER) {
            let mut x = self.embed(tokens, pool);
            for layer in &self.layers {
                layer.forward(&mut x, (tokens, tables), &self.angles, pool);
            }
            for (row, _) in tokens.iter().enumerate().filter(|(_, token)| token.wanted) {
                kept.row_mut(at).copy_from_slice(x.row(row));
                at += 1;
            }
        }
        let mut normed = Grid::new(hidden);
        self.norm.forward(&kept, &mut normed, pool);
        normed
    }

    /// Logits `[n, V]` of hidden states `[n, H]`.
    pub fn logits(&self, hidden: &Grid, out: &mut Grid, pool: &Pool) {
        self.head.multiply(hidden, out, pool);
    }

    fn embed(&self, tokens: &[Token], pool: &Pool) -> Grid {
        let embedding = self.embedding.as_ref().unwrap_or(&self.head);
        let mut x = Grid::new(embedding.inner());
        x.resize(tokens.len());
        x.for_each_row(pool, |row, x| {
            embedding.get(tokens[row].id as usize, x);
            if let Some(factor) = self.config.embedding_scale {
                scale(x, factor as f32);
            }
        });
        x
    }
}

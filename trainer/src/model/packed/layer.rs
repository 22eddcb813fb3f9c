//! One layer of the decoder, laid out for sampling: what [`crate::model::Layer`] is for training.

use retrial_native::cpu::{self, Attention, Grid, Page, PageShape, Pool, Query};

use super::angles::Angles;
use super::mlp::PackedMlp;
use super::token::Token;
use super::weights::{PackedLinear, PackedNorm, Tensors};
use crate::model::ModelConfig;
use crate::model::config::Rotation;
use crate::model::pages::Table;

/// The weights of a layer.
pub struct PackedLayer {
    attention: Attention,
    kv_heads: usize,
    head_width: usize,
    query_key_value: PackedLinear,
    output: PackedLinear,
    query_norm: Option<PackedNorm>,
    key_norm: Option<PackedNorm>,
    rotation: Rotation,
    mlp: PackedMlp,
    /// Before attention, after it, before the MLP, after it.
    norms: [Option<PackedNorm>; 4],
}

impl PackedLayer {
    /// Takes the weights of layer `index`.
    pub fn new(tensors: &Tensors, index: usize, config: &ModelConfig) -> Self {
        let layer = format!("model.layers.{index}");
        let named = |name: &str| format!("{layer}.{name}");
        let (hidden, head_width) = (config.hidden as usize, config.head_width as usize);
        let heads = config.heads as usize;
        let inputs = ["q_proj", "k_proj", "v_proj"].map(|name| named(&format!("self_attn.{name}")));
        let output = [named("self_attn.o_proj")];
        let norm = |name: &str| PackedNorm::new(tensors, &named(name), config);
        let has_norm = config.qk_norm != crate::model::QkNorm::None;
        let scale = config.query_scale.unwrap_or(1.0) / (head_width as f64).sqrt();
        let kind = config.kinds[index];
        Self {
            attention: Attention {
                layer: index,
                heads,
                window: kind.window.map(|window| window as usize),
                scale: scale as f32,
            },
            kv_heads: config.kv_heads as usize,
            head_width,
            query_key_value: PackedLinear::new(tensors, &inputs, hidden, config.biases.qkv),
            output: PackedLinear::new(tensors, &output, heads * head_width, config.biases.output),
            query_norm: has_norm.then(|| norm("self_attn.q_norm")),
            key_norm: has_norm.then(|| norm("self_attn.k_norm")),
            rotation: kind.rotation,
            mlp: PackedMlp::new(tensors, &layer, config),
            norms: config.norms.names().map(|name| name.map(norm)),
        }
    }

    /// Takes the rows of `x` through the layer, and writes their keys and values to their pages.
    pub fn forward(
        &self,
        x: &mut Grid,
        (tokens, tables): (&[Token], &mut [Table]),
        angles: &Angles,
        pool: &Pool,
    ) {
        let [before_attention, after_attention, before_mlp, after_mlp] = &self.norms;
        let (mut normed, mut made) = (Grid::new(x.width()), Grid::new(x.width()));
        let inputs = normed_or(before_attention.as_ref(), x, &mut normed, pool);
        let mut heads = self.query_key_value.room();
        self.query_key_value.forward(inputs, &mut heads, pool);
        let queries = self.attention.heads * self.head_width;
        let keys = queries + self.kv_heads * self.head_width;
        heads.for_each_row(pool, |row, numbers| {
            if let (Some(query), Some(key)) = (&self.query_norm, &self.key_norm) {
                query.in_place(&mut numbers[..queries]);
                key.in_place(&mut numbers[queries..keys]);
            }
            if let Some((cos, sin)) = angles.at(self.rotation, tokens[row].position) {
                for head in numbers[..keys].chunks_exact_mut(self.head_width) {
                    cpu::rotate(head, cos, sin);
                }
            }
        });
        for (row, token) in tokens.iter().enumerate() {
            let numbers = heads.row(row);
            let page = tables[token.sequence].page_mut(token.position / Page::TOKENS);
            let place = token.position % Page::TOKENS;
            page.write(self.attention.layer, place, &numbers[queries..keys], &numbers[keys..]);
        }
        let mut attended = Grid::new(queries);
        let of = |token: &Token| Query {
            pages: tables[token.sequence].pages(),
            position: token.position,
        };
        let asked: Vec<Query<'_>> = tokens.iter().map(of).collect();
        let shape = self.shape(angles.layers);
        cpu::attend(shape, self.attention, &asked, &heads, &mut attended, pool);
        self.output.forward(&attended, &mut made, pool);
        add_normed(after_attention.as_ref(), &mut made, x, pool);
        let inputs = normed_or(before_mlp.as_ref(), x, &mut normed, pool);
        self.mlp.forward(inputs, &mut made, pool);
        add_normed(after_mlp.as_ref(), &mut made, x, pool);
    }

    fn shape(&self, layers: usize) -> PageShape {
        PageShape { layers, heads: self.kv_heads, width: self.head_width }
    }
}

fn normed_or<'a>(
    norm: Option<&PackedNorm>,
    x: &'a Grid,
    room: &'a mut Grid,
    pool: &Pool,
) -> &'a Grid {
    let Some(norm) = norm else { return x };
    norm.forward(x, room, pool);
    room
}

fn add_normed(norm: Option<&PackedNorm>, made: &mut Grid, x: &mut Grid, pool: &Pool) {
    if let Some(norm) = norm {
        made.for_each_row(pool, |_, row| norm.in_place(row));
    }
    x.for_each_row(pool, |row, x| cpu::add(x, made.row(row)));
}

//! Memory for the keys and values of sixteen tokens.

use super::lanes::LANES;

/// The dimensions on which the memory of a token depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageShape {
    /// Layers.
    pub layers: usize,
    /// Key and value heads.
    pub heads: usize,
    /// Width of a head.
    pub width: usize,
}

impl PageShape {
    /// Width of a head's values in memory: whole panels.
    pub(super) fn padded(self) -> usize {
        self.width.next_multiple_of(LANES)
    }

    fn of_head(self) -> usize {
        LANES * (self.width + self.padded())
    }

    fn numbers(self) -> usize {
        self.layers * self.heads * self.of_head()
    }

    /// Memory of a page, bytes.
    pub fn bytes(self) -> usize {
        self.numbers() * size_of::<f32>()
    }
}

/// Keys and values of sixteen tokens in all layers. For each head the keys come first, as a panel whose
/// columns are the tokens, `[D, 16]`; then the values, `[16, D]`.
pub struct Page {
    shape: PageShape,
    numbers: Vec<f32>,
}

impl Page {
    /// Tokens of a page.
    pub const TOKENS: usize = LANES;

    /// An empty page.
    pub fn new(shape: PageShape) -> Self {
        Self { shape, numbers: vec![0.0; shape.numbers()] }
    }

    /// Writes the keys and values of a token, `[heads, D]` each, in a layer.
    ///
    /// # Panics
    ///
    /// If the page has no such token or layer.
    pub fn write(&mut self, layer: usize, token: usize, keys: &[f32], values: &[f32]) {
        let PageShape { heads, width, .. } = self.shape;
        assert!(token < LANES && keys.len() == heads * width && values.len() == keys.len());
        let (padded, of_head) = (self.shape.padded(), self.shape.of_head());
        let layer = &mut self.numbers[layer * heads * of_head..][..heads * of_head];
        let heads = layer.chunks_exact_mut(of_head);
        for ((head, keys), values) in
            heads.zip(keys.chunks_exact(width)).zip(values.chunks_exact(width))
        {
            let (to_keys, to_values) = head.split_at_mut(width * LANES);
            for (to, key) in to_keys[token..].iter_mut().step_by(LANES).zip(keys) {
                *to = *key;
            }
            to_values[token * padded..][..width].copy_from_slice(values);
        }
    }

    /// Copies the content of another page.
    ///
    /// # Panics
    ///
    /// If the shapes differ.
    pub fn copy_from(&mut self, other: &Self) {
        assert_eq!(self.shape, other.shape);
        self.numbers.copy_from_slice(&other.numbers);
    }

    /// Keys `[D, 16]` and values `[16, padded D]` of a head.
    pub(super) fn head(&self, layer: usize, head: usize) -> (&[f32], &[f32]) {
        let of_head = self.shape.of_head();
        let place = (layer * self.shape.heads + head) * of_head;
        self.numbers[place..][..of_head].split_at(self.shape.width * LANES)
    }
}

//! Rotary positions.

use std::f64::consts::{PI, TAU};

use tch::{Device, Kind, Tensor};

use super::config::{Llama3Scaling, ModelConfig, Rope, Rotation, Scaling, YarnScaling};

/// The angles of all positions.
pub struct Rotary {
    global: Table,
    /// Where some layers turn by other frequencies.
    local: Option<Table>,
}

/// cos and sin of angles, the two halves of their last dimension alike.
struct Table {
    cos: Tensor,
    sin: Tensor,
}

/// The rows of [`Rotary`] that some tokens need, `[..., T, 1, D]`: the same for all heads.
pub struct Angles {
    global: Table,
    local: Option<Table>,
}

/// cos and sin as numbers.
type CosSin = (Vec<f32>, Vec<f32>);

impl Rotary {
    /// Angles of `positions` positions.
    pub fn new(config: &ModelConfig, positions: usize, device: Device) -> Self {
        let has_local = config.kinds.iter().any(|kind| kind.rotation == Rotation::Local);
        let table = |rope: Rope| Table::new(rope, config.head_width, positions, device);
        let local = Rope { theta: config.local_theta, scaling: Scaling::None };
        Self { global: table(config.rope), local: has_local.then(|| table(local)) }
    }

    /// The angles of tokens at `positions` `[..., T]`, for activations of `kind`.
    pub fn at(&self, positions: &Tensor, kind: Kind) -> Angles {
        let rows = |table: &Table| table.rows(positions, kind);
        Angles { global: rows(&self.global), local: self.local.as_ref().map(rows) }
    }

    /// cos and sin of all positions, `[positions, D]` each, of both tables.
    pub(super) fn numbers(&self) -> (CosSin, Option<CosSin>) {
        let numbers = |tensor: &Tensor| {
            let mut numbers = vec![0.0; tensor.numel()];
            tensor.copy_data(&mut numbers, tensor.numel());
            numbers
        };
        let of = |table: &Table| (numbers(&table.cos), numbers(&table.sin));
        (of(&self.global), self.local.as_ref().map(of))
    }
}

impl Table {
    /// `[positions, D]` each.
    fn new(rope: Rope, width: i64, positions: usize, device: Device) -> Self {
        let options = (Kind::Float, device);
        let exponents = Tensor::arange_start_step(0, width, 2, options) / width as f64;
        let theta = Tensor::from(rope.theta as f32).to_device(device);
        let frequencies = theta.pow(&exponents).reciprocal();
        let (frequencies, factor) = match rope.scaling {
            Scaling::None => (frequencies, 1.0),
            Scaling::Linear(factor) => (frequencies / factor, 1.0),
            Scaling::Llama3(scaling) => (llama3(scaling, &frequencies), 1.0),
            Scaling::Yarn(scaling) => {
                (yarn(scaling, rope.theta, &frequencies), scaling.attention_factor)
            }
        };
        let angles = Tensor::arange(positions as i64, options).outer(&frequencies);
        let angles = Tensor::cat(&[&angles, &angles], 1);
        let scaled = |table: Tensor| if factor == 1.0 { table } else { table * factor };
        Self { cos: scaled(angles.cos()), sin: scaled(angles.sin()) }
    }

    fn rows(&self, positions: &Tensor, kind: Kind) -> Self {
        let rows = |table: &Tensor| {
            Tensor::embedding(table, positions, -1, false, false).unsqueeze(-2).to_kind(kind)
        };
        Self { cos: rows(&self.cos), sin: rows(&self.sin) }
    }
}

impl Angles {
    /// Turns heads `[..., T, heads, D]` by their positions: `x cos + rotate_half(x) sin`.
    pub fn rotate(&self, rotation: Rotation, x: &Tensor) -> Tensor {
        let table = match rotation {
            Rotation::None => return x.shallow_clone(),
            Rotation::Global => &self.global,
            Rotation::Local => self.local.as_ref().unwrap_or(&self.global),
        };
        let [first, second]: [Tensor; 2] =
            x.chunk(2, -1).try_into().expect("the width of a head is even");
        x * &table.cos + Tensor::cat(&[-second, first], -1) * &table.sin
    }
}

/// Frequencies as Llama 3 scales them. f32, as transformers computes them.
fn llama3(scaling: Llama3Scaling, frequencies: &Tensor) -> Tensor {
    let Llama3Scaling { factor, low_freq_factor: low, high_freq_factor: high, .. } = scaling;
    let original = scaling.original_max_position_embeddings;
    let wavelengths = frequencies.reciprocal() * TAU;
    let scaled = frequencies / factor;
    let smooth = (wavelengths.reciprocal() * original - low) / (high - low);
    let between = (1.0 - &smooth) * &scaled + &smooth * frequencies;
    let long = wavelengths.gt(original / low);
    let short = wavelengths.lt(original / high);
    scaled.where_self(&long, &frequencies.where_self(&short, &between))
}

/// Frequencies `[D / 2]` as `YaRN` scales them.
fn yarn(scaling: YarnScaling, theta: f64, frequencies: &Tensor) -> Tensor {
    let half = frequencies.size()[0];
    let width = 2.0 * half as f64;
    // The dimension that turns this often in the original context.
    let dimension = |turns: f64| {
        width * (scaling.original_context / (turns * 2.0 * PI)).ln() / (2.0 * theta.ln())
    };
    let (low, high) = (dimension(scaling.beta_fast), dimension(scaling.beta_slow));
    let (low, high) = if scaling.truncate { (low.floor(), high.ceil()) } else { (low, high) };
    let (low, mut high) = (low.max(0.0), high.min(width - 1.0));
    if low == high {
        high += 0.001;
    }
    let options = (Kind::Float, frequencies.device());
    let divided = ((Tensor::arange(half, options) - low) / (high - low)).clamp(0.0, 1.0);
    let kept = 1.0 - &divided;
    frequencies / scaling.factor * divided + frequencies * kept
}

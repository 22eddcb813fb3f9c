//! One layer of the decoder: attend, add; MLP, add; with norms before or after.

use retrial_protocol::Target;
use tch::Tensor;

use super::ModelConfig;
use super::config::{QkNorm, Rotation};
use super::linear::{Linear, LowRank};
use super::mlp::Mlp;
use super::norm::Norm;
use super::rope::Angles;

/// The weights of a layer.
pub struct Layer {
    heads: i64,
    kv_heads: i64,
    head_width: i64,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    qk_norm: QkNorm,
    query_norm: Option<Norm>,
    key_norm: Option<Norm>,
    query_scale: Option<f64>,
    rotation: Rotation,
    mlp: Mlp,
    /// Before attention, after it, before the MLP, after it.
    norms: [Option<Norm>; 4],
}

impl Layer {
    /// Takes the weights of layer `index` by their names inside the layer.
    pub fn new(config: &ModelConfig, index: usize, take: impl Fn(&str) -> Tensor) -> Self {
        let linear = |name: &str, bias: bool| {
            let bias = bias.then(|| take(&format!("{name}.bias")));
            Linear::new(take(&format!("{name}.weight")), bias)
        };
        let norm = |name: &str| Norm::new(take(&format!("{name}.weight")), config);
        let has_qk_norm = config.qk_norm != QkNorm::None;
        Self {
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_width: config.head_width,
            query: linear("self_attn.q_proj", config.biases.qkv),
            key: linear("self_attn.k_proj", config.biases.qkv),
            value: linear("self_attn.v_proj", config.biases.qkv),
            output: linear("self_attn.o_proj", config.biases.output),
            qk_norm: config.qk_norm,
            query_norm: has_qk_norm.then(|| norm("self_attn.q_norm")),
            key_norm: has_qk_norm.then(|| norm("self_attn.k_norm")),
            query_scale: config.query_scale,
            rotation: config.kinds[index].rotation,
            mlp: Mlp::new(config, linear),
            norms: config.norms.names().map(|name| name.map(norm)),
        }
    }

    /// Puts an adapter on a matrix.
    pub fn adapt(&mut self, target: Target, adapter: LowRank) {
        match target {
            Target::QProj => self.query.adapt(adapter),
            Target::KProj => self.key.adapt(adapter),
            Target::VProj => self.value.adapt(adapter),
            Target::OProj => self.output.adapt(adapter),
            Target::GateProj | Target::UpProj | Target::DownProj => {
                self.mlp.adapt(target, adapter);
            }
        }
    }

    /// `[..., T, H]` to `[..., T, H]`. `attend` maps queries `[..., T, Hq, D]`, keys and values
    /// `[..., T, Hkv, D]`, all rotated, to `[..., T, Hq D]`.
    pub fn forward(
        &self,
        x: &Tensor,
        angles: &Angles,
        attend: impl FnOnce(&Tensor, &Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let [before_attention, after_attention, before_mlp, after_mlp] = &self.norms;
        let normed = normed(before_attention.as_ref(), x);
        let q = self.heads(&self.query, self.heads, self.query_norm.as_ref(), &normed);
        let q = angles.rotate(self.rotation, &q);
        let q = self.query_scale.map_or(q.shallow_clone(), |scale| q * scale);
        let k = self.heads(&self.key, self.kv_heads, self.key_norm.as_ref(), &normed);
        let k = angles.rotate(self.rotation, &k);
        let v = self.heads(&self.value, self.kv_heads, None, &normed);
        let attended = self.output.forward(&attend(&q, &k, &v));
        // Not in place: backward needs what is added to.
        let x = x + self::normed(after_attention.as_ref(), &attended);
        let made = self.mlp.forward(&self::normed(before_mlp.as_ref(), &x));
        x + self::normed(after_mlp.as_ref(), &made)
    }

    /// `[..., T, H]` to heads, `[..., T, count, D]`.
    fn heads(&self, of: &Linear, count: i64, norm: Option<&Norm>, x: &Tensor) -> Tensor {
        let whole = of.forward(x);
        let split = |whole: &Tensor| whole.unflatten(-1, [count, self.head_width]);
        match (self.qk_norm, norm) {
            (QkNorm::Whole, Some(norm)) => split(&norm.forward(&whole)),
            (_, Some(norm)) => norm.forward(&split(&whole)),
            (_, None) => split(&whole),
        }
    }
}

fn normed(norm: Option<&Norm>, x: &Tensor) -> Tensor {
    norm.map_or_else(|| x.shallow_clone(), |norm| norm.forward(x))
}

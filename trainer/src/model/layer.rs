//! One layer of the decoder: normalise, attend, add; normalise, gated MLP, add.

use retrial_protocol::Target;
use tch::Tensor;

use super::ModelConfig;
use super::rope::Angles;

/// `x W^T + b`, and what an adapter adds to it.
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    adapter: Option<LowRank>,
}

/// `scale x A^T B^T`.
pub struct LowRank {
    /// A, `[r, in]`.
    pub a: Tensor,
    /// B, `[out, r]`.
    pub b: Tensor,
    /// The factor.
    pub scale: f64,
}

/// Normalises by the root of the mean square.
pub struct Norm {
    weight: Tensor,
    epsilon: f64,
}

/// The weights of a layer.
pub struct Layer {
    heads: i64,
    kv_heads: i64,
    head_width: i64,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    query_norm: Option<Norm>,
    key_norm: Option<Norm>,
    gate: Linear,
    up: Linear,
    down: Linear,
    input_norm: Norm,
    attention_norm: Norm,
}

impl Linear {
    /// Applies it, in the kind of `x`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let kind = x.kind();
        let y =
            x.linear(&self.weight.to_kind(kind), self.bias.as_ref().map(|bias| bias.to_kind(kind)));
        match &self.adapter {
            None => y,
            Some(LowRank { a, b, scale }) => {
                let low = x.linear::<Tensor>(&a.to_kind(kind), None) * *scale;
                y + low.linear::<Tensor>(&b.to_kind(kind), None)
            }
        }
    }
}

impl Norm {
    /// A norm with this weight.
    pub fn new(weight: Tensor, epsilon: f64) -> Self {
        Self { weight, epsilon }
    }

    /// Applies it over the last dimension, in the kind of `x`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let width = self.weight.size()[0];
        x.rms_norm([width], Some(self.weight.to_kind(x.kind())), self.epsilon)
    }
}

impl Layer {
    /// Takes a layer's weights by their names inside the layer.
    pub fn new(config: &ModelConfig, mut take: impl FnMut(&str) -> Tensor) -> Self {
        let mut linear = |name: &str, bias: bool| Linear {
            weight: take(&format!("{name}.weight")),
            bias: bias.then(|| take(&format!("{name}.bias"))),
            adapter: None,
        };
        let query = linear("self_attn.q_proj", config.biases.qkv);
        let key = linear("self_attn.k_proj", config.biases.qkv);
        let value = linear("self_attn.v_proj", config.biases.qkv);
        let output = linear("self_attn.o_proj", config.biases.output);
        let gate = linear("mlp.gate_proj", config.biases.mlp);
        let up = linear("mlp.up_proj", config.biases.mlp);
        let down = linear("mlp.down_proj", config.biases.mlp);
        let mut norm = |name: &str| Norm::new(take(&format!("{name}.weight")), config.norm_epsilon);
        Self {
            heads: config.heads,
            kv_heads: config.kv_heads,
            head_width: config.head_width,
            query,
            key,
            value,
            output,
            query_norm: config.qk_norm.then(|| norm("self_attn.q_norm")),
            key_norm: config.qk_norm.then(|| norm("self_attn.k_norm")),
            gate,
            up,
            down,
            input_norm: norm("input_layernorm"),
            attention_norm: norm("post_attention_layernorm"),
        }
    }

    /// Puts an adapter on a matrix.
    pub fn adapt(&mut self, target: Target, adapter: LowRank) {
        let linear = match target {
            Target::QProj => &mut self.query,
            Target::KProj => &mut self.key,
            Target::VProj => &mut self.value,
            Target::OProj => &mut self.output,
            Target::GateProj => &mut self.gate,
            Target::UpProj => &mut self.up,
            Target::DownProj => &mut self.down,
        };
        linear.adapter = Some(adapter);
    }

    /// `[..., T, H]` to `[..., T, H]`. `attend` maps queries `[..., T, Hq, D]`, keys and values
    /// `[..., T, Hkv, D]`, all rotated, to `[..., T, Hq D]`.
    pub fn forward(
        &self,
        x: &Tensor,
        angles: &Angles,
        attend: impl FnOnce(&Tensor, &Tensor, &Tensor) -> Tensor,
    ) -> Tensor {
        let normed = self.input_norm.forward(x);
        let heads = |projection: &Linear, count: i64, norm: Option<&Norm>| {
            let heads = projection.forward(&normed).unflatten(-1, [count, self.head_width]);
            norm.map_or(heads.shallow_clone(), |norm| norm.forward(&heads))
        };
        let q = angles.rotate(&heads(&self.query, self.heads, self.query_norm.as_ref()));
        let k = angles.rotate(&heads(&self.key, self.kv_heads, self.key_norm.as_ref()));
        let v = heads(&self.value, self.kv_heads, None);
        // Not in place: backward needs what is added to.
        let x = x + self.output.forward(&attend(&q, &k, &v));
        let normed = self.attention_norm.forward(&x);
        let gated = self.gate.forward(&normed).silu() * self.up.forward(&normed);
        x + self.down.forward(&gated)
    }
}

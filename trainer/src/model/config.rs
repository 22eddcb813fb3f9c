//! The shape of a decoder, and the options that change its results.

/// The shape of a decoder. The families differ in few options; each is a field
/// here. The decoder looks at the options, never at the family.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Size of the vocabulary.
    pub vocabulary: i64,
    /// Width of the residual stream.
    pub hidden: i64,
    /// Width inside the MLP.
    pub intermediate: i64,
    /// Decoder layers.
    pub layers: usize,
    /// How each layer attends.
    pub kinds: Vec<LayerKind>,
    /// Query heads.
    pub heads: i64,
    /// Key and value heads; divides `heads`.
    pub kv_heads: i64,
    /// Width of a head.
    pub head_width: i64,
    /// Factor of queries, in addition to one over the root of a head's width.
    pub query_scale: Option<f64>,
    /// Epsilon of the RMS norms.
    pub norm_epsilon: f64,
    /// Where a layer normalises.
    pub norms: Norms,
    /// Whether the weight of a norm is kept as its difference from one.
    pub norms_from_one: bool,
    /// The rotary embedding.
    pub rope: Rope,
    /// Base of the rotary embedding of layers with [`Rotation::Local`].
    pub local_theta: f64,
    /// Projections with a bias.
    pub biases: Biases,
    /// Whether and how queries and keys are normalised.
    pub qk_norm: QkNorm,
    /// The MLP's nonlinearity.
    pub activation: Activation,
    /// The mixture of experts in place of the MLP, if there is one.
    pub experts: Option<Experts>,
    /// Factor of embeddings.
    pub embedding_scale: Option<f64>,
    /// Longest sequence, tokens.
    pub context: usize,
    /// Whether the output matrix is the embedding (tied).
    pub tied: bool,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// Tokens that end a response, as the model's files name them.
    pub end_tokens: Vec<u32>,
}

/// Attention of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerKind {
    /// Rotary embedding of queries and keys.
    pub rotation: Rotation,
    /// Window: the last tokens that a token sees, itself included; all if absent.
    pub window: Option<i64>,
}

/// Rotary embedding of queries and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// With [`ModelConfig::rope`].
    Global,
    /// With [`ModelConfig::local_theta`], unscaled.
    Local,
    /// None.
    None,
}

/// Where a layer normalises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norms {
    /// The inputs of attention and MLP.
    Before,
    /// The outputs of attention and MLP.
    After,
    /// Both.
    Around,
}

impl Norms {
    /// Names of the norms before attention, after it, before the MLP and after it.
    pub fn names(self) -> [Option<&'static str>; 4] {
        let (input, attended) = ("input_layernorm", "post_attention_layernorm");
        let (pre, post) = ("pre_feedforward_layernorm", "post_feedforward_layernorm");
        match self {
            // Hugging Face named the second after its place before the MLP.
            Self::Before => [Some(input), None, Some(attended), None],
            Self::After => [None, Some(attended), None, Some(post)],
            Self::Around => [Some(input), Some(attended), Some(pre), Some(post)],
        }
    }
}

/// Whether and how queries and keys are normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QkNorm {
    /// None.
    None,
    /// Each head separately.
    Head,
    /// All heads together.
    Whole,
}

/// The nonlinearity of an MLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x sigmoid(x)`.
    Silu,
    /// The GELU, approximated by a tanh.
    GeluTanh,
}

/// A mixture of experts: each token goes through a few of many small MLPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experts {
    /// Number of experts.
    pub count: i64,
    /// Experts of a token.
    pub chosen: i64,
    /// Width inside each.
    pub intermediate: i64,
    /// Whether the weights of the chosen experts are normalised to a sum of one.
    pub normalised: bool,
}

/// Which projections have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Biases {
    /// Those to queries, keys and values (Qwen2).
    pub qkv: bool,
    /// The output projection of attention.
    pub output: bool,
    /// Those of the MLP.
    pub mlp: bool,
}

/// The rotary embedding: its base, and how its frequencies are scaled for long contexts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f64,
    /// How they are scaled.
    pub scaling: Scaling,
}

/// How rotary frequencies are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scaling {
    /// Not scaled.
    None,
    /// All are divided by this factor.
    Linear(f64),
    /// Low frequencies are divided.
    Llama3(Llama3Scaling),
    /// Low frequencies are divided, and attention is scaled.
    Yarn(YarnScaling),
}

/// Scaling of type `llama3`: low frequencies are divided by `factor`, high ones stay, those between
/// are interpolated.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
pub struct Llama3Scaling {
    /// Divisor of low frequencies.
    pub factor: f64,
    /// Wavelengths longer than `original_max_position_embeddings / low_freq_factor` are scaled.
    pub low_freq_factor: f64,
    /// Wavelengths shorter than `original_max_position_embeddings / high_freq_factor` are not.
    pub high_freq_factor: f64,
    /// Context that the model was pretrained with, tokens.
    pub original_max_position_embeddings: f64,
}

/// Scaling of type `yarn` (arXiv 2309.00071): dimensions with fewer than `beta_slow` rotations in
/// the context of pretraining are divided by `factor`, those with more than `beta_fast`
/// stay, those between are interpolated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct YarnScaling {
    /// Divisor of low frequencies.
    pub factor: f64,
    /// Factor of cosines and sines.
    pub attention_factor: f64,
    /// Rotations above which a frequency stays.
    pub beta_fast: f64,
    /// Rotations below which it is divided.
    pub beta_slow: f64,
    /// Context that the model was pretrained with, tokens.
    pub original_context: f64,
    /// Whether the bounds are rounded to whole dimensions.
    pub truncate: bool,
}

impl ModelConfig {
    /// Names and shapes of all parameters, in the order in which Hugging Face lists them.
    pub fn parameters(&self) -> Vec<(String, Vec<i64>)> {
        let h = self.hidden;
        let mut all = vec![("model.embed_tokens.weight".to_owned(), vec![self.vocabulary, h])];
        let of_layer = self.parameters_of_layer();
        for layer in 0..self.layers {
            let named = |(name, shape): &(String, Vec<i64>)| {
                (format!("model.layers.{layer}.{name}"), shape.clone())
            };
            all.extend(of_layer.iter().map(named));
        }
        all.push(("model.norm.weight".into(), vec![h]));
        if !self.tied {
            all.push(("lm_head.weight".into(), vec![self.vocabulary, h]));
        }
        all
    }

    /// Those of one layer, by their names inside the layer.
    fn parameters_of_layer(&self) -> Vec<(String, Vec<i64>)> {
        let (h, i, d) = (self.hidden, self.intermediate, self.head_width);
        let (q, kv) = (self.heads * d, self.kv_heads * d);
        let mut linears = vec![
            ("self_attn.q_proj".to_owned(), q, h, self.biases.qkv),
            ("self_attn.k_proj".into(), kv, h, self.biases.qkv),
            ("self_attn.v_proj".into(), kv, h, self.biases.qkv),
            ("self_attn.o_proj".into(), h, q, self.biases.output),
        ];
        let mut gated = |of: &str, i: i64, bias: bool| {
            linears.push((format!("{of}.gate_proj"), i, h, bias));
            linears.push((format!("{of}.up_proj"), i, h, bias));
            linears.push((format!("{of}.down_proj"), h, i, bias));
        };
        match self.experts {
            None => gated("mlp", i, self.biases.mlp),
            Some(Experts { count, intermediate, .. }) => {
                (0..count).for_each(|e| gated(&format!("mlp.experts.{e}"), intermediate, false));
                linears.push(("mlp.gate".into(), count, h, false));
            }
        }
        let mut all = Vec::new();
        for (part, rows, columns, bias) in linears {
            all.push((format!("{part}.weight"), vec![rows, columns]));
            if bias {
                all.push((format!("{part}.bias"), vec![rows]));
            }
        }
        let mut norms: Vec<(&str, i64)> =
            self.norms.names().into_iter().flatten().map(|name| (name, h)).collect();
        match self.qk_norm {
            QkNorm::None => {}
            QkNorm::Head => norms.extend([("self_attn.q_norm", d), ("self_attn.k_norm", d)]),
            QkNorm::Whole => norms.extend([("self_attn.q_norm", q), ("self_attn.k_norm", kv)]),
        }
        all.extend(norms.into_iter().map(|(part, width)| (format!("{part}.weight"), vec![width])));
        all
    }
}

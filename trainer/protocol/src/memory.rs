//! Estimate of the most memory that an update takes, from a model's `config.json` and the settings alone.
//!
//! The terms are those of the trainer: weights, moments and gradients; what
//! the layers of one micro-batch store for the backward pass; the logits of the head. The two constants at
//! the end are measured. Letters: T tokens and N response tokens of a micro-batch, H hidden width,
//! I width inside the MLP, Q and K widths of queries and of keys.

use serde::Deserialize;

use crate::lora::{Lora, Target};

/// Numbers in the head's two buffers on the CPU,
const CHUNKS: u64 = 2 << 22;
/// and on other devices.
const LARGE_CHUNKS: u64 = 2 << 28;
/// A process with libtorch after its first computation, bytes.
const PROCESS: u64 = 215 << 20;
/// Overhead of the CPU's allocator, for each byte of activations: pieces of
/// many sizes are allocated and freed. A GPU's allocator has little overhead.
const FRAGMENTS: f64 = 1.15;

/// The least size of a bucket, in numbers; see the trainer's `ranks`.
const BUCKET: u64 = 1 << 22;

const F32: u64 = 4;

/// The sizes of a model, as `config.json` has them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Shape {
    vocab_size: u64,
    hidden_size: u64,
    intermediate_size: u64,
    num_hidden_layers: u64,
    num_attention_heads: u64,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    model_type: String,
}

/// Training settings that memory depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// Tokens of a micro-batch.
    pub tokens: u64,
    /// Response tokens among them.
    pub response_tokens: u64,
    /// Bytes of a number in activations: 4 or 2.
    pub activation_bytes: u64,
    /// Whether each layer is recomputed in the backward pass.
    pub recompute: bool,
    /// The adapter that is trained in place of the weights, if there is one.
    pub lora: Option<Lora>,
    /// Whether the objective has a KL term, which needs a reference model.
    pub reference: bool,
    /// Whether training is on another device than the CPU.
    pub accelerator: bool,
    /// Number of ranks.
    pub ranks: u64,
}

impl Shape {
    fn head_width(&self) -> u64 {
        let of_family = if self.model_type == "qwen3" {
            128
        } else {
            self.hidden_size / self.num_attention_heads.max(1)
        };
        self.head_dim.unwrap_or(of_family)
    }

    /// Q and K.
    fn widths(&self) -> (u64, u64) {
        let kv_heads = self.num_key_value_heads.unwrap_or(self.num_attention_heads);
        (self.num_attention_heads * self.head_width(), kv_heads * self.head_width())
    }

    /// Rows and columns of a matrix.
    fn matrix(&self, target: Target) -> (u64, u64) {
        let (h, i, (q, k)) = (self.hidden_size, self.intermediate_size, self.widths());
        match target {
            Target::QProj => (q, h),
            Target::KProj | Target::VProj => (k, h),
            Target::OProj => (h, q),
            Target::GateProj | Target::UpProj => (i, h),
            Target::DownProj => (h, i),
        }
    }

    /// Numbers in the matrices of a layer; norms and biases are negligible.
    fn layer(&self) -> u64 {
        Target::ALL
            .map(|target| self.matrix(target))
            .iter()
            .map(|(rows, columns)| rows * columns)
            .sum()
    }

    fn embedding(&self) -> u64 {
        self.vocab_size * self.hidden_size
    }

    /// Numbers in the matrices of the model.
    pub fn parameters(&self) -> u64 {
        let matrices = if self.tie_word_embeddings { 1 } else { 2 };
        self.num_hidden_layers * self.layer() + matrices * self.embedding()
    }

    fn adapter(&self, lora: &Lora) -> u64 {
        let of_matrix = |target| {
            let (rows, columns) = self.matrix(target);
            u64::from(lora.rank) * (rows + columns)
        };
        self.num_hidden_layers * lora.targets().map(of_matrix).sum::<u64>()
    }

    /// Numbers that a layer stores for each token until the backward pass.
    fn kept_of_a_token(&self) -> u64 {
        let (h, i, (q, k)) = (self.hidden_size, self.intermediate_size, self.widths());
        // Each norm stores its input and its result, each matrix its input.
        let norms = 2 * 3 * h;
        let heads = if self.model_type == "qwen3" { 3 * (q + k) } else { q + k };
        // Values; the output of attention twice: as computed, and in the order of the tokens.
        let attention = k + 2 * q;
        // Gate, its activation, up, and their product.
        norms + heads + attention + 4 * i
    }
}

/// What a rank stores of the trained parameters, bytes for all of them. A single rank has weights,
/// gradients and two moments in f32. Each of several ranks has the weights that products use
/// and a shard of the rest, including f32 weights where products use another kind.
fn learning(learned: u64, bytes: u64, ranks: u64) -> u64 {
    let alike = ranks == 1 || bytes == F32;
    let (weights, shared) = if alike { (F32, 3 * F32) } else { (bytes, 4 * F32) };
    learned * weights + (learned * shared).div_ceil(ranks)
}

/// The most memory an update takes on each rank, bytes.
pub fn peak(shape: &Shape, training: &Training) -> u64 {
    let bytes = training.activation_bytes;
    let (tokens, rows) = (training.tokens, training.response_tokens);
    let parameters = shape.parameters();
    let several = training.ranks > 1;
    // Each of several ranks already has its weights in the kind of products.
    let casts = bytes != F32 && training.lora.is_none() && !several;
    let layers = if training.recompute { 1 } else { shape.num_hidden_layers };

    let learned = training.lora.as_ref().map_or(parameters, |lora| shape.adapter(lora));
    let under_adapter = if training.lora.is_some() { parameters * bytes } else { 0 };
    // The reference of an adapter is the model under it.
    let reference =
        if training.reference && training.lora.is_none() { parameters * bytes } else { 0 };
    let held = under_adapter + reference + learning(learned, bytes, training.ranks);

    let inputs = tokens * shape.hidden_size * bytes * shape.num_hidden_layers;
    let graphs = layers * tokens * shape.kept_of_a_token() * bytes;
    let cast = if casts { (layers * shape.layer() + shape.embedding()) * bytes } else { 0 };
    // Of the last states: as they are, normalised, and their gradients.
    let states = 4 * rows * shape.hidden_size * bytes;
    let chunks = if training.accelerator { LARGE_CHUNKS } else { CHUNKS };
    let logits = chunks.min(2 * rows * shape.vocab_size);
    let (largest, of_a_layer) = match training.lora {
        Some(_) => (0, 0),
        None => (shape.embedding().max(shape.layer() / 3), shape.layer().max(shape.embedding())),
    };
    // Of several ranks: the gradients of a layer or of the output matrix, until they are in buckets, of
    // which three are in flight. The largest parameter may be a bucket of its own.
    let buckets = if several { of_a_layer * bytes + 3 * largest.max(BUCKET) * F32 } else { 0 };
    let pass = inputs + graphs + cast + states + logits * F32 + buckets;

    // The optimizer updates one parameter at a time, with three copies.
    let step = F32 * 3 * largest;
    let fragments = if training.accelerator { 1.0 } else { FRAGMENTS };
    PROCESS + held + ((pass as f64 * fragments) as u64).max(step)
}

/// Size of a weight version on disk, bytes: weights and two moments of what is trained, and
/// f32 weights in addition to bf16 ones.
pub fn version_bytes(shape: &Shape, bf16: bool, lora: Option<&Lora>) -> u64 {
    let learned = lora.map_or(shape.parameters(), |lora| shape.adapter(lora));
    let for_servers = if bf16 && lora.is_none() { 2 } else { 0 };
    learned * (for_servers + 3 * F32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qwen3_0_6b() -> Shape {
        serde_json::from_str(
            r#"{"model_type": "qwen3", "vocab_size": 151936, "hidden_size": 1024,
                "intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
                "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": true}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_published_model_has_the_parameters_it_is_said_to_have() {
        let millions = qwen3_0_6b().parameters() as f64 / 1e6;
        assert!((millions - 596.0).abs() < 1.0, "{millions}");
    }

    #[test]
    fn a_version_is_as_large_as_what_learns() {
        let shape = qwen3_0_6b();
        let lora = Lora { rank: 16, alpha: 32.0, targets: vec![Target::QProj] };
        assert_eq!(version_bytes(&shape, false, None), 12 * shape.parameters());
        assert_eq!(version_bytes(&shape, true, None), 14 * shape.parameters());
        let of_adapter = 28 * 16 * (1024 + 2048) * 12;
        assert_eq!(version_bytes(&shape, true, Some(&lora)), of_adapter);
    }

    #[test]
    fn ranks_share_what_learns() {
        let shape = qwen3_0_6b();
        let on = |ranks| {
            let training = Training {
                tokens: 8192,
                response_tokens: 8000,
                activation_bytes: 2,
                recompute: true,
                lora: None,
                reference: false,
                accelerator: true,
                ranks,
            };
            peak(&shape, &training)
        };
        // Weights in f32, gradients and two moments.
        assert_eq!(on(2) - on(8), 16 * shape.parameters() * 3 / 8);
    }

    #[test]
    fn what_saves_memory_takes_less() {
        let shape = qwen3_0_6b();
        let full = Training {
            tokens: 8192,
            response_tokens: 8000,
            activation_bytes: 4,
            recompute: false,
            lora: None,
            reference: false,
            accelerator: false,
            ranks: 1,
        };
        let all = peak(&shape, &full);
        // Weights, gradients and moments at least.
        assert!(all > 16 * shape.parameters());
        let lora = Lora { rank: 16, alpha: 32.0, targets: vec![Target::QProj] };
        let recompute = Training { recompute: true, ..full.clone() };
        for less in [
            recompute.clone(),
            Training { tokens: 4096, response_tokens: 4000, ..full.clone() },
            Training { lora: Some(lora), ..full.clone() },
        ] {
            assert!(peak(&shape, &less) < all, "{less:?}");
        }
        let reference = Training { reference: true, ..full };
        assert_eq!(peak(&shape, &reference), all + 4 * shape.parameters());
        assert!(
            peak(&shape, &Training { activation_bytes: 2, ..recompute.clone() })
                < peak(&shape, &recompute)
        );
    }
}

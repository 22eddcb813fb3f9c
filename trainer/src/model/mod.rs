//! The policy: a decoder of one of the `families`, read from and written to a Hugging Face folder.
//!
//! Trainer and embedded server run this same code, so that they agree on every log-probability.

mod attention;
mod block;
mod cache;
mod config;
mod decoder;
mod error;
mod experts;
mod families;
mod files;
mod gated;
mod init;
mod layer;
mod linear;
pub mod lora;
mod mlp;
mod norm;
mod packed;
mod pages;
mod raw;
mod read;
mod rope;
mod rope_settings;
mod shards;
mod stored;

pub use attention::{Packing, Segment};
pub use cache::KvCache;
pub use config::{
    Activation, Biases, Experts, LayerKind, Llama3Scaling, ModelConfig, Norms, QkNorm, Rope,
    Rotation, Scaling, YarnScaling,
};
pub use decoder::{Decoder, Places};
pub use error::ModelError;
pub use files::{has_model, read_named, read_tensors, sync_folder, write_in_turn, write_tensors};
pub use layer::Layer;
pub use linear::{Linear, LowRank};
pub use norm::Norm;
pub use packed::{Packed, Token};
pub use pages::{PagePool, Prefixes, Table};
pub use rope::{Angles, Rotary};
pub use shards::{Shards, shard_name};
pub use stored::{Entry, StoredTensors};

//! The policy: a dense decoder (Qwen3, Qwen2 and 2.5, Llama 3), read from and written to a Hugging
//! Face folder.
//!
//! Trainer and embedded server run this same code, so that they agree on every log-probability.

mod attention;
mod cache;
mod config;
mod decoder;
mod error;
mod files;
mod init;
mod layer;
pub mod lora;
mod rope;
mod shards;
mod stored;

pub use attention::Packing;
pub use cache::KvCache;
pub use config::{Biases, Llama3Scaling, ModelConfig, Rope};
pub use decoder::{Decoder, Places};
pub use error::ModelError;
pub use files::{read_named, read_tensors, sync_folder, write_in_turn, write_tensors};
pub use layer::{Layer, Linear, LowRank, Norm};
pub use rope::{Angles, Rotary};
pub use shards::{Shards, shard_name};
pub use stored::{Entry, StoredTensors};

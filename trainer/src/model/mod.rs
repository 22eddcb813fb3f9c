//! The policy: a decoder of the Qwen3 family, read from and written to a Hugging Face folder.
//!
//! Trainer and embedded server run this same code, so that they agree on every log-probability.

mod cache;
mod config;
mod error;
mod files;
mod init;
mod qwen3;

pub use cache::KvCache;
pub use config::ModelConfig;
pub use error::ModelError;
pub use files::{read_named, read_tensors, sync_folder, write_tensors};
pub use qwen3::Qwen3;

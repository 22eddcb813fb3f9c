//! The tch side of Retrial: the policy's weights, how they are trained, and how they are sampled from.
//!
//! - [`model`]: the decoder, from and to a Hugging Face folder.
//! - [`compute`]: device, precision, threads; [`adapter`]: the options of an adapter.
//! - [`update`]: one update on a batch; [`ranks`]: several processes that make it together.
//! - [`versions`]: weights on disk, a folder for each version.
//! - [`trainer`]: one update after another, each a new version; [`http`]: the same over HTTP.
//! - [`publish`]: pushes a version to the servers.
//! - [`policy`]: the embedded server.
//! - [`sft`]: the cold start; [`export`]: a version as a plain model.
//! - [`program`]: how the programs log and end; [`fault`]: injected faults, for tests.

pub mod adapter;
pub mod compute;
pub mod export;
pub mod fault;
pub mod http;
pub mod model;
pub mod policy;
pub mod program;
pub mod publish;
pub mod push;
pub mod ranks;
pub mod sft;
pub mod trainer;
pub mod update;
pub mod versions;

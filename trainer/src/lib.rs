//! The tch side of Retrial: the policy's weights, how they learn, and how they are sampled from.
//!
//! - [`model`]: the decoder, from and to a Hugging Face folder.
//! - [`compute`]: device and precision.
//! - [`sequences`], [`pass`], [`head`], [`gradients`]: packed sequences through the model, forward
//!   and back.
//! - [`objective`], [`micro`], [`seen`], [`adamw`], [`learner`]: one update.
//! - [`version`], [`versions`], [`trainer`], [`worker`], [`service`]: updates over HTTP, each a new
//!   version on disk.
//! - [`ranks`]: several processes that train one policy together.
//! - [`publish`]: a version on its way to the servers.
//! - [`sft`]: the cold start; [`export`]: a version as a plain model.
//! - [`policy`]: the embedded server.

pub mod adamw;
pub mod compute;
pub mod export;
pub mod fault;
pub mod gradients;
pub mod head;
pub mod learner;
pub mod micro;
pub mod model;
pub mod objective;
pub mod pass;
pub mod policy;
pub mod publish;
pub mod ranks;
pub mod seen;
pub mod sequences;
pub mod service;
pub mod serving;
pub mod sft;
pub mod trainer;
pub mod version;
pub mod versions;
pub mod worker;

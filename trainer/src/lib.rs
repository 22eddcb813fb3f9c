//! The tch side of Retrial: the policy's weights, how they learn, and how they are sampled from.

pub mod model;
pub mod policy;

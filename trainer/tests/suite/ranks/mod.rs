//! Several ranks that train one policy.

pub mod fixture;
pub mod processes;
mod threads;

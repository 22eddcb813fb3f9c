//! Everything that reaches Retrial from outside, as functions of bytes: a fuzzer calls them with random
//! bytes (`make fuzz`), and a test with those of `corpus/` (`cargo test -p retrial-fuzz`).
//!
//! Each is true if the input was accepted and false if it was rejected; a panic is a bug.
//! Inputs of several parts have a line `====` between them.

mod configuration;
mod dashboard;
mod data_set;
mod folder;
mod input;
mod model;
mod policy;
mod server;
mod text;
mod train;

pub use configuration::configuration;
pub use dashboard::dashboard_request;
pub use data_set::data_set;
pub use model::model_folder;
pub use policy::policy_request;
pub use server::server_answer;
pub use text::{chat_template, tokenizer};
pub use train::train_request;

/// A function of bytes: whether they were accepted.
pub type Target = fn(&[u8]) -> bool;

/// All of them, by the names of their programs and of their folders in `corpus/`.
pub const TARGETS: [(&str, Target); 9] = [
    ("configuration", configuration),
    ("data_set", data_set),
    ("server_answer", server_answer),
    ("train_request", train_request),
    ("model_folder", model_folder),
    ("tokenizer", tokenizer),
    ("chat_template", chat_template),
    ("policy_request", policy_request),
    ("dashboard_request", dashboard_request),
];

//! Finding mistakes.

mod filter;
mod find;

pub use filter::{MistakeFilter, phrase};
pub use find::{Mistake, as_json, find, ids};

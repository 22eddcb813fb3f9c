//! Weight versions on disk: one folder each; `v000000` is the initial model.

mod disk;
mod files;
mod folder;
mod record;
mod whole;

pub use disk::{attempt_at, room, write_file};
pub use files::{copy_description, masters_of};
pub use folder::{Versions, run_of};
pub use record::Record;

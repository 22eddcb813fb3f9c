//! Pages, rendered on the server. They work without JavaScript; the one script keeps them live and
//! adds keys.

pub mod api;
pub mod compare;
pub mod control;
pub mod failure;
mod frame;
pub mod header;
pub mod login;
pub mod mistakes;
pub mod overview;
pub mod panel;
mod parts;
pub mod problem;
pub mod problems;
mod reading;
pub mod runs;
pub mod step;

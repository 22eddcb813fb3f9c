//! The dashboard: the log of runs as pages, as an API, and live while a run goes on.
//!
//! - Data of the log is read through one read-only pool, in bounded time. The current activity of a run
//!   comes from `retrial-live`, in the process that trains.
//! - Every page is rendered from the data that its twin under `/api` returns: each file of
//!   `routes` loads one kind of thing and returns it as a page, as JSON and as CSV.
//! - It has its own threads, with a lower priority than the run's (`threads`).
//! - Texts of models are text: they are escaped by the template engine, invisible characters are
//!   shown (`retrial_report::text`), and a content-security policy forbids everything from
//!   elsewhere (`headers`).

mod access;
mod api;
mod assets;
mod connections;
mod csv;
mod error;
mod events;
mod extract;
mod filter;
mod headers;
mod host;
mod look;
mod overview;
mod pages;
mod paging;
mod prometheus;
mod render;
mod routes;
mod run_entry;
mod serve;
mod site;
mod status;
mod threads;
mod view;

use retrial_report::link;

pub use access::{Access, AccessError};
pub use look::{Look, LookError};
pub use routes::router;
pub use serve::{Dashboard, ListenError, Listener, ServeError};
pub use site::Site;
pub use status::{RunStatus, Tone};
pub use threads::runtime;

#[cfg(test)]
mod tests;

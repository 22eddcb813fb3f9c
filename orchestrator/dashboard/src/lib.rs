//! The dashboard: the log of runs as pages, as an API, and live while a run goes on.
//!
//! - What comes from the log is read through one read-only pool, in bounded time. What a run does at
//!   this moment comes from `retrial-live`, in the process that trains.
//! - Every page is rendered from the same data that its twin under `/api` answers: each file of
//!   `routes` loads one kind of thing and answers it as a page, as JSON and as CSV.
//! - It has threads of its own, which give way to the run's (`threads`).
//! - Texts of models are text: they are escaped by the template engine, what is hidden in them is
//!   shown (`retrial_report::text`), and a content-security policy allows nothing that comes from
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
mod link;
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

pub use access::{Access, AccessError};
pub use routes::router;
pub use serve::{Dashboard, ListenError, Listener, ServeError};
pub use site::Site;
pub use threads::runtime;

#[cfg(test)]
mod tests;

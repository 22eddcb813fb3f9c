//! The dashboard over a real log, with real HTTP requests.

mod api;
mod fixture;
mod live;
mod pages;
mod safety;

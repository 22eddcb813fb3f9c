//! The dashboard over a real log, asked by real HTTP.

mod api;
mod fixture;
mod live;
mod pages;
mod safety;

//! The tests of the crate as its users see it, in one program.

mod cases;
mod corpus;
mod costly;
mod golds;
mod laws;
mod notations;
mod policies;
mod responses;

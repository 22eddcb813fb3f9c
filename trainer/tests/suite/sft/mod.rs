//! The cold start, by the program itself.

mod data;
mod fixture;
mod ranks;
mod resume;
mod training;

//! Live trackers: the events of a run, one JSON object a line, to the standard input of any program.
//!
//! A tracker never holds up a run. Lines wait in a bounded queue; a program that is too slow misses
//! lines, one that ends early misses the rest, and both are said once. The log has everything.
//! docs/trackers.md describes the events; `examples/trackers/` has programs for common trackers.

mod event;
mod tracker;

pub use event::{Event, MetricInfo, Outcome};
pub use tracker::{StartError, Tracker};

//! Reporting: panels of a run's numbers, charts of panels, runs side by side, documents. Shared by the
//! dashboard, `retrial report` and the report of a study.

pub mod attention;
mod chart;
mod document;
mod figure;
pub mod format;
pub mod link;
mod panel;
mod panels;
mod picture;
mod series;
pub mod sheet;
mod side_by_side;
pub mod text;
mod view;

pub use chart::{Size, chart, hatch, hatches, swatch};
pub use document::{Document, Part, PlotError, Table, escaped, write_plots};
pub use figure::{Links, figure, readout, tip};
pub use panel::{Figure, Gaps, Over, Panel, Range, Series, Shape};
pub use panels::{Section, sections};
pub use picture::picture;
pub use side_by_side::{MOST_RUNS, NumberLine, SettingLine, SideBySide};
pub use view::{Axis, Scale, View};

/// The style sheet of pages and pictures.
pub const STYLE: &str = include_str!("assets/style.css");

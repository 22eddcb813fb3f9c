//! Runs side by side: their numbers, the settings in which they differ, their curves.

mod markdown;
mod model;
mod numbers;
mod page;
mod panels;
mod settings;

use std::path::Path;

use maud::Markup;

use crate::document;

pub use model::SideBySide;
pub use numbers::NumberLine;
pub use settings::SettingLine;

/// The most runs side by side.
pub const MOST_RUNS: usize = 6;

impl SideBySide {
    /// As the content of a page; with the query that asked for it, if there are other pages.
    pub fn content(&self, query: Option<&str>) -> Markup {
        page::content(self, query)
    }

    /// As a page that needs nothing else: no server, no script.
    pub fn page(&self) -> Markup {
        document::page(&self.runs.join(", "), &self.content(None))
    }

    /// As Markdown. Plots are files in their own folder; without one there are tables of first and
    /// last values.
    pub fn markdown(&self, plots: Option<&Path>) -> String {
        markdown::markdown(self, plots)
    }
}

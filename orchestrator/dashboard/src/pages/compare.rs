//! Runs side by side.

use maud::{Markup, html};
use retrial_report::SideBySide;

use super::frame::{Frame, page};
use crate::link;

/// Runs side by side.
pub fn compare(found: &SideBySide) -> Markup {
    let pairs: Vec<(&str, &str)> = found.runs.iter().map(|run| ("run", run.as_str())).collect();
    let here = link::with("/compare", &pairs);
    let content = html! {
        h1 { "Side by side" }
        (found.content(Some(&link::run)))
        p { a href=(link::csv(&here)) { "As CSV" } }
    };
    page(
        &Frame { title: "Side by side", twin: Some(&here), live: true, ..Frame::default() },
        &content,
    )
}

//! Runs side by side.

use maud::{Markup, html};
use retrial_report::SideBySide;

use super::frame::{Frame, page};
use crate::link;
use crate::view::ViewQuery;

/// Runs side by side.
pub fn compare(found: &SideBySide, query: &ViewQuery) -> Markup {
    let runs: Vec<(&str, &str)> = found.runs.iter().map(|run| ("run", run.as_str())).collect();
    let pairs: Vec<(&str, &str)> = runs.iter().copied().chain(query.pairs()).collect();
    let here = link::with("/compare", &pairs);
    let given = here.split_once('?').map_or("", |(_, given)| given);
    let content = html! {
        h1 { "Side by side" }
        (query.form("/compare", &runs))
        (found.content(Some(given)))
        p { a href=(link::csv(&link::with("/compare", &runs))) { "As CSV" } }
    };
    page(
        &Frame { title: "Side by side", twin: Some(&here), live: true, ..Frame::default() },
        &content,
    )
}

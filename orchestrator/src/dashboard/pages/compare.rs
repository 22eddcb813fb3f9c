//! Runs side by side.

use maud::{Markup, html};

use super::overview::framed;
use super::{Frame, page};
use crate::dashboard::api::compare::Comparison;
use crate::dashboard::chart::hatches;
use crate::dashboard::format::number;
use crate::dashboard::{link, text};
use crate::document;

/// Runs side by side.
pub fn compare(found: &Comparison) -> Markup {
    let pairs: Vec<(&str, &str)> = found.runs.iter().map(|run| ("run", run.as_str())).collect();
    let here = link::with("/compare", &pairs);
    let content = html! { h1 { "Side by side" } (content(found, true)) p { a href=(link::csv(&here)) { "As CSV" } } };
    page(
        &Frame { title: "Side by side", twin: Some(&here), live: true, ..Frame::default() },
        &content,
    )
}

/// The same as a page that needs nothing else: no server, no script.
pub fn alone(found: &Comparison) -> Markup {
    document::page(&found.runs.join(", "), &content(found, false))
}

/// `linked`: whether there are other pages.
fn content(found: &Comparison, linked: bool) -> Markup {
    html! {
        (hatches())
        section {
            h2 { "Numbers" }
            table.rows {
                thead { tr { th { "" } @for run in &found.runs { th.number {
                    @if linked { a href=(link::run(run)) { (run) } } @else { (run) }
                } } } }
                tbody { @for line in &found.numbers {
                    tr {
                        td { (line.name) }
                        @for value in &line.values { td.number { @match value { Some(value) => (number(*value)), None => "–" } } }
                    }
                } }
            }
        }
        section {
            h2 { "Settings that differ" }
            @if found.settings.is_empty() {
                p.empty { "None: the runs have the same settings." }
            } @else {
                table.rows {
                    thead { tr { th { "key" } @for run in &found.runs { th { (run) } } } }
                    tbody { @for line in &found.settings {
                        tr {
                            td { code { (line.key) } }
                            @for value in &line.values { td.long { @match value { Some(value) => (text::line(value)), None => "–" } } }
                        }
                    } }
                }
            }
        }
        section.panels {
            h2 { "Over the steps" }
            div.grid { @for panel in &found.panels { (framed(panel, None)) } }
        }
    }
}

//! Runs side by side as the content of a page.

use maud::{Markup, html};

use super::model::SideBySide;
use crate::chart::hatches;
use crate::figure::{Links, figure};
use crate::format::number;
use crate::panel::Panel;
use crate::{link, text};

/// The content of a page; with the query that asked for it, if there are other pages.
pub fn content(found: &SideBySide, query: Option<&str>) -> Markup {
    let links = |panel: &Panel| Links {
        twin: query.map(|query| format!("/api/compare/panels/{}?{query}", link::part(&panel.id))),
        page: None,
    };
    html! {
        (hatches())
        section {
            h2 { "Numbers" }
            table.rows {
                thead { tr { th { "" } @for run in &found.runs { th.number {
                    @if query.is_some() { a href=(link::run(run)) { (run) } } @else { (run) }
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
            div.grid { @for panel in &found.panels { (figure(panel, &links(panel))) } }
        }
    }
}

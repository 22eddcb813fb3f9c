//! A panel on a page of its own: large, with its question, its formula, its numbers, and files.

use maud::{Markup, html};
use retrial_report::format::{grouped, number};
use retrial_report::{Links, Panel, Size, chart, hatches, readout};

use super::frame::{Frame, page};
use crate::link;
use crate::status::RunStatus;
use crate::view::ViewQuery;

/// Rows of the table: the last places.
const ROWS: usize = 100;

/// A panel.
pub fn panel(status: &RunStatus, question: &str, found: &Panel, query: &ViewQuery) -> Markup {
    let address = link::panel(&status.run, &found.id);
    let here = link::with(&address, &query.pairs());
    let file = |kind: &str| link::with(&format!("/api{address}/{kind}"), &query.pairs());
    let links = Links { twin: Some(link::twin(&here)), page: None };
    let content = html! {
        (hatches())
        nav.around aria-label="Charts" {
            a href=(link::run(&status.run)) { "← all charts" }
            h2 { (found.title) }
        }
        p { (question) }
        (query.form(&address, &[]))
        figure.tile.large.live #panel data-twin=[&links.twin] {
            (chart(found, Size::Large))
            (readout(&links))
        }
        p { (found.formula) }
        p {
            "Files: " a href=(file("svg")) { "SVG" } " · " a href=(file("csv")) { "CSV" } " · "
            a href=(link::twin(&here)) { "JSON" }
        }
        section.live #numbers {
            h3 { "Numbers" }
            (numbers(found))
        }
    };
    page(
        &Frame { title: &found.title, status: Some(status), twin: Some(&here), live: true },
        &content,
    )
}

/// The last places, the latest first.
fn numbers(found: &Panel) -> Markup {
    let skipped = found.x.len().saturating_sub(ROWS);
    html! {
        @if found.empty.is_some() || found.x.is_empty() {
            p.empty { (found.empty.unwrap_or("There are no numbers yet.")) }
        } @else {
            div.wide-table {
                table.rows {
                    thead { tr {
                        th.number { (found.over.word()) }
                        @for series in &found.series { th.number { (series.name) } }
                    } }
                    tbody { @for place in (skipped..found.x.len()).rev() {
                        tr.item {
                            td.number { (grouped(found.x[place].cast_signed())) }
                            @for series in &found.series {
                                td.number { @match series.values[place] { Some(value) => (number(value)), None => "–" } }
                            }
                        }
                    } }
                }
            }
            @if skipped > 0 { p.when { (skipped) " earlier ones are in the files." } }
        }
    }
}

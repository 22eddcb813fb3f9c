//! The problems of a run.

use maud::{Markup, html};
use retrial_report::text;
use retrial_store::{ProblemStatus, Problems};

use super::frame::{Frame, page};
use super::parts::{outcome, turning};
use crate::link;
use crate::status::RunStatus;

const STATUSES: [(ProblemStatus, &str, &str); 4] = [
    (ProblemStatus::Any, "", "all"),
    (ProblemStatus::Unsolved, "unsolved", "never solved"),
    (ProblemStatus::Rescued, "rescued", "rescued"),
    (ProblemStatus::Graduated, "graduated", "graduated"),
];

/// The problems of a run.
pub fn problems(
    status: &RunStatus,
    found: &Problems,
    filter: ProblemStatus,
    contains: &str,
    window: u32,
) -> Markup {
    let address = link::problems(&status.run);
    let word = |filter: ProblemStatus| {
        STATUSES.iter().find(|known| known.0 == filter).map_or("", |known| known.1)
    };
    let at = |filter: ProblemStatus, page: u32| {
        let page = if page > 1 { page.to_string() } else { String::new() };
        link::with(&address, &[("status", word(filter)), ("contains", contains), ("page", &page)])
    };
    let turn = |page: u32| at(filter, page);
    let content = html! {
        h2 { "Problems" }
        form.filters action=(address) {
            nav.choice aria-label="Which problems" {
                @for (choice, _, word) in STATUSES {
                    a href=(at(choice, 1)) aria-current=[(choice == filter).then_some("page")] { (word) }
                }
            }
            input type="hidden" name="status" value=(word(filter));
            label { "with the text " input #find type="search" name="contains" value=(contains); }
            button { "Find" }
        }
        @if found.rows.is_empty() {
            p.empty { "No problem is like that." }
        } @else {
            table.rows {
                thead { tr {
                    th { "problem" } th.number { "visits" } th.number { "failed" } th.number { "rescued" }
                    th { "last visit" } th { "right answer" } th { "text" }
                } }
                tbody { @for row in &found.rows {
                    tr.item {
                        td { a href=(link::problem(&status.run, &row.problem, None)) { (text::line(&row.problem)) } }
                        td.number { (row.visits) }
                        td.number { (row.failed) }
                        td.number { (row.rescued) }
                        td { (outcome(Some(row.after))) " in " a href=(link::step(&status.run, row.last_step)) { "step " (row.last_step) } }
                        td { code.answer { (text::line(&row.answer)) } }
                        td.long { (text::line(&row.text)) }
                    }
                } }
            }
            (turning(&turn, window, found.more))
            p { a href=(link::csv(&turn(1))) { "As CSV" } }
        }
    };
    let here = turn(window);
    page(
        &Frame { title: "Problems", status: Some(status), twin: Some(&here), live: false },
        &content,
    )
}

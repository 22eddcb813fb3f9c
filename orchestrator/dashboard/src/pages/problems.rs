//! The problems of a run.

use maud::{Markup, html};
use retrial_report::format::share;
use retrial_report::text;
use retrial_store::{ProblemStatus, Problems};

use super::frame::{Frame, page};
use super::parts::{outcome, turning};
use crate::link;
use crate::status::RunStatus;

const STATUSES: [(ProblemStatus, &str, &str); 5] = [
    (ProblemStatus::Any, "", "all"),
    (ProblemStatus::Unsolved, "unsolved", "never solved"),
    (ProblemStatus::Rescued, "rescued", "rescued"),
    (ProblemStatus::Graduated, "graduated", "graduated"),
    (ProblemStatus::Lost, "lost", "solved once, no longer"),
];

/// The problems of a run.
pub fn problems(
    status: &RunStatus,
    found: &Problems,
    filter: ProblemStatus,
    contains: &str,
    sort: &str,
    window: u32,
) -> Markup {
    let address = link::problems(&status.run);
    let word = |filter: ProblemStatus| {
        STATUSES.iter().find(|known| known.0 == filter).map_or("", |known| known.1)
    };
    let ordered = |filter: ProblemStatus, sort: &str, page: u32| {
        let page = if page > 1 { page.to_string() } else { String::new() };
        let pairs =
            [("status", word(filter)), ("contains", contains), ("sort", sort), ("page", &page)];
        link::with(&address, &pairs)
    };
    let at = |filter: ProblemStatus, page: u32| ordered(filter, sort, page);
    let turn = |page: u32| at(filter, page);
    let head = |key: &str, name: &str| {
        let is_it = key == if sort.is_empty() { "failed" } else { sort };
        let order = if key == "pass_rate" { "ascending" } else { "descending" };
        html! {
            th.number aria-sort=[is_it.then_some(order)] {
                a href=(ordered(filter, key, 1)) { (name) } @if is_it { span aria-hidden="true" { " ▾" } }
            }
        }
    };
    let content = html! {
        h2 { "Problems" }
        form.filters action=(address) {
            nav.choice aria-label="Which problems" {
                @for (choice, _, word) in STATUSES {
                    a href=(at(choice, 1)) aria-current=[(choice == filter).then_some("page")] { (word) }
                }
            }
            input type="hidden" name="status" value=(word(filter));
            input type="hidden" name="sort" value=(sort);
            label { "with the text " input #find type="search" name="contains" value=(contains); }
            button { "Find" }
        }
        @if found.rows.is_empty() {
            p.empty { "No problem is like that." }
        } @else {
            table.rows {
                thead { tr {
                    th { "problem" } (head("visits", "visits")) (head("failed", "failed"))
                    (head("rescued", "rescued")) (head("pass_rate", "pass rate"))
                    th.number title="Rollouts of first trials + extra rollouts of second trials" { "rollouts" }
                    (head("last_step", "last visit")) th { "right answer" } th { "text" }
                } }
                tbody { @for row in &found.rows {
                    tr.item {
                        td { a href=(link::problem(&status.run, &row.problem, None)) { (text::line(&row.problem)) } }
                        td.number { (row.visits) }
                        td.number { (row.failed) }
                        td.number { (row.rescued) }
                        td.number { @if row.tries > 0 { (share(row.correct as f64 / row.tries as f64)) } @else { "–" } }
                        td.number { (row.tries) @if row.extra_tries > 0 { " + " (row.extra_tries) } }
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

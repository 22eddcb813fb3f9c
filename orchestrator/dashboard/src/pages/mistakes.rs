//! The mistake browser: each filter is a URL, with twins in JSON and CSV.

use maud::{Markup, html};
use retrial_report::text;
use retrial_store::{MistakeLine, Mistakes};

use super::frame::{Frame, page};
use super::parts::turning;
use crate::filter::MistakeQuery;
use crate::link;
use crate::status::RunStatus;

/// Mistakes that match a filter.
pub fn mistakes(
    status: Option<&RunStatus>,
    runs: &[String],
    filter: &MistakeQuery,
    found: &Mistakes,
    window: u32,
) -> Markup {
    let turn = |page: u32| address(filter, page);
    let content = html! {
        h2 { "Mistakes" }
        (form(runs, filter))
        @if found.rows.is_empty() {
            p.empty {
                "No mistake is like that. "
                a href="/mistakes" { "All mistakes" }
            }
        } @else {
            table.rows {
                thead { tr {
                    th { "problem" } @if filter.run.is_empty() { th { "run" } }
                    th.number { "times" } th { "kind" } th { "wrong" } th { "right" }
                    th.number { "steps" } th { "text" }
                } }
                tbody { @for row in &found.rows { (mistake(filter, row)) } }
            }
            (turning(&turn, window, found.more))
        }
        p { a href=(link::csv(&turn(1))) { "As CSV" } }
        details {
            summary { "Show the SQL" }
            pre.text.sql { (text::shown(&found.sql, 4000).markup) }
            p.when { "It runs as it stands: " code { "sqlite3 retrial.db" } }
        }
    };
    let here = turn(window);
    page(&Frame { title: "Mistakes", status, twin: Some(&here), live: false }, &content)
}

fn address(filter: &MistakeQuery, page: u32) -> String {
    let page = if page > 1 { page.to_string() } else { String::new() };
    let pairs = [
        ("run", &filter.run),
        ("problem", &filter.problem),
        ("answer", &filter.answer),
        ("kind", &filter.kind),
        ("contains", &filter.contains),
        ("times", &filter.times),
        ("from", &filter.from),
        ("to", &filter.to),
        ("unsolved", &filter.unsolved),
        ("page", &page),
    ];
    link::with("/mistakes", &pairs.map(|(key, value)| (key, value.as_str())))
}

fn mistake(filter: &MistakeQuery, row: &MistakeLine) -> Markup {
    let last = row.last_step;
    html! {
        tr.item {
            td { a href=(link::problem(&row.run, &row.problem, Some(last))) { (text::line(&row.problem)) } }
            @if filter.run.is_empty() { td { a href=(link::run(&row.run)) { (row.run) } } }
            td.number { (row.times) }
            td { (row.kind.as_str().replace('_', " ")) }
            td { code.answer.wrong { (text::line(&row.wrong_answer)) } }
            td { code.answer { (text::line(&row.right_answer)) } }
            td.number { (row.first_step) "–" (row.last_step) }
            td.long { (text::line(&row.problem_text)) }
        }
    }
}

fn form(runs: &[String], filter: &MistakeQuery) -> Markup {
    let kinds = [
        ("", "any kind"),
        ("wrong", "wrong"),
        ("unparsed", "unparsed"),
        ("no_answer", "no answer"),
        ("cut_off", "cut off"),
    ];
    html! {
        form.filters action="/mistakes" {
            label { "run " select name="run" {
                option value="" { "all" }
                @for run in runs { option value=(run) selected[*run == filter.run] { (run) } }
            } }
            label { "with the words " input #find type="search" name="contains" value=(filter.contains); }
            label { "problem " input name="problem" value=(filter.problem); }
            label { "answer " input name="answer" value=(filter.answer); }
            label { "kind " select name="kind" {
                @for (value, word) in kinds { option value=(value) selected[value == filter.kind] { (word) } }
            } }
            label { "at least " input.few type="number" min="1" name="times" value=(filter.times); " times" }
            label { "steps " input.few type="number" min="1" name="from" value=(filter.from) aria-label="from step"; }
            label { "to " input.few type="number" min="1" name="to" value=(filter.to) aria-label="to step"; }
            label { input type="checkbox" name="unsolved" value="1" checked[filter.unsolved == "1"]; " still unsolved" }
            button { "Filter" }
            a href="/mistakes" { "Clear" }
        }
    }
}

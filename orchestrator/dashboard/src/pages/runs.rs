//! The list of runs, where comparisons start.

use maud::{Markup, html};
use retrial_report::format::{grouped, now, number, roughly, share};
use retrial_report::text;
use retrial_store::LogSize;

use super::frame::{Frame, page};
use super::parts::moment;
use crate::link;
use crate::run_entry::RunEntry;

/// The list of runs.
pub fn runs(found: &[RunEntry], size: &LogSize) -> Markup {
    let content = html! {
        h1 { "Runs" }
        @if found.is_empty() {
            section.notice {
                p { "There is no run in this log yet. One appears as soon as its servers are ready." }
                p { code { "retrial run CONFIG" } }
            }
        } @else {
            form action="/compare" {
                table.rows {
                    thead { tr {
                        th { "compare" } th { "run" } th { "status" } th { "method" } th.number { "steps" }
                        th.number { "training reward" } th { "held-out Pass@1" } th { "began" }
                        th { "last entry" }
                    } }
                    tbody { @for (place, run) in found.iter().enumerate() {
                        tr.item {
                            td { input type="checkbox" name="run" value=(run.name) aria-label={ "compare " (run.name) } checked[place < 2 && found.len() > 1]; }
                            td { a href=(link::run(&run.name)) { (run.name) } }
                            td { span.word.(run.tone.class()) { (text::line(&run.status)) } }
                            td { (run.method) }
                            td.number { (run.steps) }
                            td.number { @match run.reward { Some(reward) => (share(reward)), None => "–" } }
                            td { (run.held_out.as_deref().unwrap_or("–")) }
                            td { (moment(&run.started_at)) }
                            td { @match run.last_change { Some(at) => { (roughly(now() - at)) " ago" }, None => "–" } }
                        }
                    } }
                }
                @if found.len() > 1 { p { button { "Compare side by side" } } }
            }
            p.when {
                "The log has " (number(size.bytes as f64 / 1e6)) " MB: " (grouped(size.rollouts.cast_signed()))
                " rollouts, of which " (grouped(size.failures.cast_signed())) " failed, with "
                (grouped(size.mistakes.cast_signed())) " different mistakes. "
                a.twin href="/api/log" { "JSON" }
            }
            p { a href=(link::csv("/runs")) { "As CSV" } }
        }
    };
    page(&Frame { title: "Runs", twin: Some("/runs"), ..Frame::default() }, &content)
}

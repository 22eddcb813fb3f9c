//! The overview of a run: its panels in order of importance.

use maud::{Markup, html};
use retrial_report::attention::{Attention, Severity};
use retrial_report::format::{duration, number, share};
use retrial_report::{Links, Panel, figure, hatches, text, tip};
use retrial_store::{LoggedNotice, SOURCE_STEPS};

use super::control::{Person, control};
use super::frame::{Frame, page};
use super::parts::moment;
use crate::link;
use crate::overview::Overview;
use crate::view::ViewQuery;

/// Limit on the markup of a reason, bytes: it may have the first line of a warning.
const REASON_BYTES: usize = 1_000;

/// The overview.
pub fn overview(found: &Overview, query: &ViewQuery, person: Person) -> Markup {
    let run = &found.status.run;
    let address = link::run(run);
    let here = link::with(&address, &query.pairs());
    let content = html! {
        @if let Some(live) = &found.live { (control(live, person)) }
        (attention(&found.attention))
        (query.form(&address, &[]))
        (hatches())
        @for section in &found.sections {
            section.panels {
                h2 { (section.title) }
                div.grid {
                    @for panel in &section.panels { (tile(run, query, panel)) }
                }
            }
        }
        section.panels {
            h2 { "Machines and data" }
            div.grid.wide {
                (servers(found))
                (weights(found))
                (data(found))
                (notices(run, found))
            }
        }
    };
    let frame = Frame { title: run, status: Some(&found.status), twin: Some(&here), live: true };
    page(&frame, &content)
}

/// What deserves attention.
fn attention(found: &[Attention]) -> Markup {
    html! {
        section.attention.live #attention {
            h2 { "Look here" }
            @if found.is_empty() {
                p.empty { "Nothing needs attention." }
            } @else {
                ol { @for entry in found {
                    li.{ "is-" (entry.severity.as_str()) } {
                        strong { (severity_mark(entry.severity)) " " (entry.severity.as_str()) } " "
                        a href=(entry.page) { (text::shown(&entry.reason, REASON_BYTES).markup) } " "
                        span.when { (entry.advice) }
                    }
                } }
            }
        }
    }
}

fn severity_mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Stops => "■",
        Severity::Wasted => "▲",
        Severity::Watch => "●",
    }
}

/// A panel.
fn tile(run: &str, query: &ViewQuery, panel: &Panel) -> Markup {
    let page = link::with(&link::panel(run, &panel.id), &query.pairs());
    figure(panel, &Links { twin: Some(link::twin(&page)), page: Some(page) })
}

fn servers(found: &Overview) -> Markup {
    html! {
        section.tile.live #servers {
            h3 { "Servers and trainer" }
            @if let Some(live) = &found.live {
                table {
                    thead { tr {
                        th { "server" } th.number { "version" } th.number { "under way" }
                        th.number { "requests" } th.number { "failed" }
                        th.number { "mean" } th.number { "worst" }
                    } }
                    tbody { @for server in &live.servers {
                        tr {
                            td { (server.url) @if server.version.is_none() { " " strong.bad { "left out" } } }
                            td.number { @match server.version { Some(version) => (version), None => "–" } }
                            td.number { (server.in_flight) }
                            td.number { (server.requests) }
                            td.number { (server.failed) }
                            td.number { (seconds(server.mean_seconds)) }
                            td.number { (seconds(server.worst_seconds)) }
                        }
                    } }
                }
                table {
                    thead { tr {
                        th { "phase, since this process began" } th.number { "times" }
                        th.number { "mean" } th.number { "worst" }
                    } }
                    tbody { @for phase in &live.phases {
                        tr {
                            td { (phase.phase.word()) }
                            td.number { (phase.count) }
                            td.number { (duration(phase.mean_seconds)) }
                            td.number { (duration(phase.worst_seconds)) }
                        }
                    } }
                }
            } @else {
                p.empty { "How servers fare is known to the process that trains: its own dashboard shows it." }
            }
        }
    }
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), duration)
}

fn weights(found: &Overview) -> Markup {
    html! {
        section.tile.live #weights {
            h3 { "Weights" }
            @if found.weights.is_empty() {
                p.empty { "No step has made a version yet." }
            } @else {
                table {
                    thead { tr {
                        th.number { "version" } th.number { "push" }
                        th.number { "largest difference " (tip("Of a probe token's log-probability between server and trainer, after the push, nats.")) }
                        th { "verified at" }
                    } }
                    tbody { @for version in &found.weights {
                        tr {
                            td.number { a href=(link::step(&found.status.run, version.version)) { (version.version) } }
                            td.number { (seconds(version.push_seconds)) }
                            td.number { @match version.max_difference { Some(found) => (number(found)), None => "–" } }
                            td { (moment(&version.published_at)) }
                        }
                    } }
                }
            }
        }
    }
}

fn data(found: &Overview) -> Markup {
    html! {
        section.tile.live #data {
            h3 { "Data " (tip(&format!("Reward: mean of the un-hinted rollouts of the last {SOURCE_STEPS} steps, by the tags of their problems."))) }
            p { (number(found.train_problems as f64)) " problems, " (number(found.epoch)) " times through" }
            @if found.sources.is_empty() {
                p.empty { "The data set has no tags, or no step is complete yet." }
            } @else {
                table {
                    thead { tr { th { "tag" } th.number { "rollouts" } th.number { "reward" } } }
                    tbody { @for source in &found.sources {
                        tr {
                            td { (text::line(&source.tag)) ": " (text::line(&source.value)) }
                            td.number { (source.rollouts) }
                            td.number { @match source.reward { Some(reward) => (share(reward)), None => "–" } }
                        }
                    } }
                }
            }
        }
    }
}

fn notices(run: &str, found: &Overview) -> Markup {
    html! {
        section.tile.live #notices {
            h3 { "Warnings and errors" }
            @if found.notices.is_empty() {
                p.empty { "None." }
            } @else {
                ul.notices { @for notice in &found.notices { (one(run, notice)) } }
            }
        }
    }
}

fn one(run: &str, notice: &LoggedNotice) -> Markup {
    html! {
        li {
            b.{ (notice.level) } { (notice.level) } " "
            span.when { (moment(&notice.noticed_at))
                @if let Some(step) = notice.step { " · " a href=(link::step(run, step)) { "step " (step) } }
            }
            pre.text { (text::shown(&notice.message, 1000).markup) }
        }
    }
}

//! A step, and the table of steps.

use maud::{Markup, html};
use retrial_report::format::{duration, number, share};
use retrial_report::{hatch, hatches, swatch, text};
use retrial_store::{GroupLine, PhaseSpan, StepDetail, StepLine, Steps};

use super::frame::{Frame, page};
use super::parts::{hint_word, moment, outcome, turning};
use crate::link;
use crate::status::RunStatus;

/// The table of steps.
pub fn steps(status: &RunStatus, found: &Steps, window: u32, rows: u32) -> Markup {
    let address = link::steps(&status.run);
    let turn = |page: u32| link::with(&address, &[("page", &page.to_string())]);
    let more = u64::from(window * rows) < found.total;
    let content = html! {
        h2 { "Steps" }
        @if found.rows.is_empty() {
            p.empty { "No step is complete yet." }
        } @else {
            table.rows {
                thead { tr {
                    th.number { "step" } th.number { "none" } th.number { "some" } th.number { "all pass" }
                    th.number { "rescued" } th.number { "reward" } th.number { "hinted" }
                    th.number { "tokens" } th.number { "length" } th.number { "cut" }
                    th.number { "entropy" } th.number { "loss" } th.number { "gradient" }
                    th.number { "seconds" }
                } }
                tbody { @for row in &found.rows { (step_row(&status.run, row)) } }
            }
            (turning(&turn, window, more))
            p { a href=(link::csv(&address)) { "All steps as CSV" } }
        }
    };
    let here = turn(window);
    let frame = Frame { title: "Steps", status: Some(status), twin: Some(&here), live: true };
    page(&frame, &content)
}

fn step_row(run: &str, row: &StepLine) -> Markup {
    let count = |value: Option<u64>| value.map_or_else(|| "–".into(), |value| value.to_string());
    let ratio = |value: Option<f64>| value.map_or_else(|| "–".into(), share);
    let real = |value: Option<f64>| value.map_or_else(|| "–".into(), number);
    html! {
        tr.item {
            td.number { a href=(link::step(run, row.step)) { (row.step) } }
            td.number { (count(row.none_pass)) }
            td.number { (count(row.some_pass)) }
            td.number { (count(row.all_pass)) }
            td.number { (count(row.rescued)) "/" (count(row.hinted)) }
            td.number { (ratio(row.pass_rate)) }
            td.number { (ratio(row.hinted_pass_rate)) }
            td.number { (real(row.sampled_tokens.map(|tokens| tokens as f64))) }
            td.number { (real(row.response_tokens)) }
            td.number { (ratio(row.truncation_rate)) }
            td.number { (real(row.entropy)) }
            td.number { (real(row.loss)) }
            td.number { (real(row.grad_norm)) }
            td.number { (real(row.seconds)) }
        }
    }
}

/// A step.
pub fn step(status: &RunStatus, found: &StepDetail, window: u32, rows: u32) -> Markup {
    let address = link::step(&found.run, found.step);
    let turn = |page: u32| link::with(&address, &[("page", &page.to_string())]);
    let more = u64::from(window * rows) < found.total_groups;
    let content = html! {
        nav.around aria-label="Steps" {
            @if found.previous { a href=(link::step(&found.run, found.step - 1)) rel="prev" { "← step " (found.step - 1) } }
            h2 { "Step " (found.step) }
            @if found.next { a href=(link::step(&found.run, found.step + 1)) rel="next" { "step " (found.step + 1) " →" } }
        }
        p.when {
            "began " (moment(&found.begun_at))
            @match &found.committed_at {
                Some(at) => { ", complete " (moment(at)) },
                None => ", under way",
            }
        }
        section.live #phases {
            h3 { "Phases" }
            @if found.phases.is_empty() {
                p.empty { "The step is under way: its phases are timed when it is complete." }
            } @else { (timeline(&found.phases)) }
        }
        section.live #groups {
            h3 { "Groups" }
            table.rows {
                thead { tr {
                    th { "problem" } th { "first trial" } th.number { "correct" } th { "second trial" }
                    th.number { "correct" } th { "refined" } th { "text" }
                } }
                tbody { @for group in &found.groups { (group_row(found, group)) } }
            }
            (turning(&turn, window, more))
        }
        @if !found.metrics.is_empty() {
            details {
                summary { "All numbers of the step" }
                table {
                    tbody { @for metric in &found.metrics {
                        tr {
                            td { (metric.name) }
                            td.number { @match metric.value { Some(value) => (number(value)), None => "not a number" } }
                        }
                    } }
                }
            }
        }
    };
    let title = format!("Step {}", found.step);
    let here = turn(window);
    let live = found.committed_at.is_none();
    page(&Frame { title: &title, status: Some(status), twin: Some(&here), live }, &content)
}

fn group_row(step: &StepDetail, group: &GroupLine) -> Markup {
    let GroupLine { problem, text: beginning, trials } = group;
    html! {
        tr.item {
            td { a href=(link::problem(&step.run, problem, Some(step.step))) { (text::line(problem)) } }
            td { (outcome(trials.before)) }
            td.number { (trials.correct) "/" (trials.tries) }
            td { (trials.hint.map_or("–", hint_word)) }
            td.number { @if trials.hint.is_some() { (trials.hinted_correct) "/" (trials.hinted_tries) } @else { "–" } }
            td { (outcome(trials.after)) }
            td.long { (text::line(beginning)) }
        }
    }
}

/// Phases as a bar, each as wide as it took, with a list below that says the same in words.
fn timeline(phases: &[PhaseSpan]) -> Markup {
    let sum: f64 = phases.iter().map(|phase| phase.seconds).sum::<f64>().max(1e-9);
    let mut at = 0.0;
    let spans: Vec<(f64, f64)> = phases
        .iter()
        .map(|phase| {
            let width = 1000.0 * phase.seconds / sum;
            let from = at;
            at += width;
            (from, width)
        })
        .collect();
    html! {
        (hatches())
        svg.timeline viewBox="0 0 1000 28" preserveAspectRatio="none" role="img" aria-label="The phases of the step by their time" {
            @for (place, (from, width)) in spans.iter().enumerate() {
                rect.{ "a" (place) } x=(format!("{from:.1}")) width=(format!("{width:.1}")) height="28" {}
                @if let Some(fill) = hatch(place) { rect fill=(fill) x=(format!("{from:.1}")) width=(format!("{width:.1}")) height="28" {} }
            }
        }
        ul.legend {
            @for (place, phase) in phases.iter().enumerate() {
                li {
                    (swatch(place))
                    (phase.name) " " b { (duration(phase.seconds)) } " (" (share(phase.seconds / sum)) ")"
                }
            }
        }
    }
}

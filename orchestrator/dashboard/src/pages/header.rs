//! The header of a run's pages, with its status.

use maud::{Markup, html};
use retrial_report::format::{duration, number, roughly};

use crate::link;
use crate::status::{RunStatus, Tone};

/// The header. It is sent again during a run.
pub fn content(status: &RunStatus) -> Markup {
    let mark = match status.tone {
        Tone::Good => "▶",
        Tone::Waiting => "⏸",
        Tone::Bad => "⚠",
        Tone::Quiet => "■",
    };
    html! {
        h1 { a href=(link::run(&status.run)) { (status.run) } }
        p.word.(status.tone.class()) { span aria-hidden="true" { (mark) " " } (status.word) }
        dl {
            div {
                dt { "step" }
                dd {
                    (status.step)
                    @if let Some(steps) = status.steps { " of " (steps) }
                }
            }
            @for doing in &status.activities {
                div {
                    dt { (doing.phase.word()) }
                    dd {
                        @if doing.total > 0 { (doing.done) "/" (doing.total) " · " }
                        (duration(doing.seconds.floor()))
                    }
                }
            }
            div { dt { "weights" } dd { "version " (status.weight_version) } }
            @if let Some(eta) = status.eta_seconds.filter(|_| status.live) {
                div { dt { "left" } dd { "about " (duration(eta.max(1.0))) } }
            }
            @if let Some(tokens) = status.tokens_per_second {
                div { dt { "tokens/s" } dd { (number(tokens.round())) } }
            }
            @if !status.live {
                div { dt { "last entry" } dd { (roughly(status.last_change_seconds)) " ago" } }
            }
        }
    }
}

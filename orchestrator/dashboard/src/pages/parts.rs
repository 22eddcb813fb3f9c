//! Parts that several pages share.

use maud::{Markup, html};
use retrial_lte::{GroupOutcome, HintKind};

/// Links to the previous and next page of a table.
pub fn turning(address: &dyn Fn(u32) -> String, page: u32, more: bool) -> Markup {
    html! {
        @if page > 1 || more {
            nav.turning aria-label="Pages of the table" {
                @if page > 1 { a rel="prev" href=(address(page - 1)) { "← Previous" } }
                span { "Page " (page) }
                @if more { a rel="next" href=(address(page + 1)) { "Next →" } }
            }
        }
    }
}

/// An outcome of a group as a symbol with its word: never colour alone.
pub fn outcome(outcome: Option<GroupOutcome>) -> Markup {
    let mark = match outcome {
        Some(GroupOutcome::NonePass) => "○",
        Some(GroupOutcome::SomePass) => "◐",
        Some(GroupOutcome::AllPass) => "●",
        None => "…",
    };
    let word = outcome.map_or("under way", GroupOutcome::as_str);
    html! { span.outcome.{ "is-" (outcome.map_or("open", GroupOutcome::as_str)) } { (mark) " " (word) } }
}

/// The name of a kind of second trial.
pub fn hint_word(kind: HintKind) -> &'static str {
    match kind {
        HintKind::Hint => "hint",
        HintKind::ConciseHint => "concise + hint",
        HintKind::Concise => "concise",
        HintKind::Plain => "no hint",
    }
}

/// A time in the log, to the second.
pub fn moment(at: &str) -> String {
    at.split('.').next().unwrap_or(at).replacen('T', " ", 1)
}

//! Pages, rendered on the server. They work without JavaScript; the one script keeps them live and
//! adds keys.

pub mod api;
pub mod compare;
pub mod control;
pub mod header;
pub mod login;
pub mod mistakes;
pub mod overview;
pub mod problem;
pub mod problems;
pub mod runs;
pub mod step;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::problem::Problem;
use super::queries::status::RunStatus;
use super::{assets, link};

/// What is around the content of a page.
#[derive(Default)]
pub struct Frame<'a> {
    /// The title of the window.
    pub title: &'a str,
    /// The run that the page is about.
    pub status: Option<&'a RunStatus>,
    /// The address of the page, if it has a twin in the API.
    pub twin: Option<&'a str>,
    /// Whether the content changes while a run goes on.
    pub live: bool,
}

/// A page.
pub fn page(frame: &Frame<'_>, content: &Markup) -> Markup {
    let run = frame.status.map(|status| status.run.as_str());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " – Retrial" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href=(assets::STYLE.address());
                script src=(assets::SCRIPT.address()) defer {}
            }
            body data-run=[run] data-live=[frame.live.then_some("1")] {
                a.skip href="#content" { "To the content" }
                nav.top aria-label="Main" {
                    a.home href="/" { "Retrial" }
                    @if let Some(run) = run {
                        a href=(link::run(run)) { "Overview" }
                        a href=(link::steps(run)) { "Steps" }
                        a href=(link::problems(run)) { "Problems" }
                    }
                    a href=(link::with("/mistakes", &[("run", run.unwrap_or_default())])) { "Mistakes" }
                    a href="/runs" { "Runs" }
                    a href="/api" { "API" }
                }
                @if let Some(status) = frame.status {
                    header #status { (header::content(status)) }
                }
                main #content tabindex="-1" { (content) }
                footer {
                    @if let Some(twin) = frame.twin {
                        a href=(link::twin(twin)) { "This page as JSON" } " · "
                    }
                    span.keys {
                        kbd { "j" } kbd { "k" } " next, previous · " kbd { "n" } kbd { "p" }
                        " next, previous group · " kbd { "/" } " find"
                    }
                }
            }
        }
    }
}

/// The page of a request that is not answered as asked.
pub fn problem(problem: &Problem) -> Markup {
    let status = problem.status();
    let title = status.canonical_reason().unwrap_or("Problem");
    let content = html! {
        section.notice {
            p.code { (status.as_u16()) }
            h1 { (title) }
            p { (capital(&problem.to_string())) "." }
            @if let Some(hint) = problem.hint() { p.hint { (capital(hint)) "." } }
            p {
                a.button href="/runs" { "All runs" }
                @if *problem == Problem::NoToken { " " a.button href="/login" { "Log in" } }
            }
        }
    };
    page(&Frame { title, ..Frame::default() }, &content)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Links to the windows of a table before and after this one.
fn turning(address: &dyn Fn(u32) -> String, page: u32, more: bool) -> Markup {
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

/// An outcome of a group as a mark with its word: never the colour alone.
fn outcome(outcome: Option<&str>) -> Markup {
    let (mark, word) = match outcome {
        Some("none") => ("○", "none"),
        Some("some") => ("◐", "some"),
        Some("all") => ("●", "all"),
        _ => ("…", "under way"),
    };
    html! { span.outcome.{ "is-" (outcome.unwrap_or("open")) } { (mark) " " (word) } }
}

/// Explains something on hover and on focus.
fn tip(text: &str) -> Markup {
    html! { span.tip tabindex="0" { "?" span role="tooltip" { (text) } } }
}

/// Nothing.
fn nothing() -> Markup {
    PreEscaped(String::new())
}

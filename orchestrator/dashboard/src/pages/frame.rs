//! The frame around the content of every page.

use maud::{DOCTYPE, Markup, html};

use super::header;
use crate::status::RunStatus;
use crate::{assets, link};

/// The frame of a page.
#[derive(Default)]
pub struct Frame<'a> {
    /// The title of the window.
    pub title: &'a str,
    /// The run that the page is about.
    pub status: Option<&'a RunStatus>,
    /// The path of the page, if it has a twin in the API.
    pub twin: Option<&'a str>,
    /// Whether the content changes during a run.
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

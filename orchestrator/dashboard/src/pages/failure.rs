//! The page of an error.

use maud::{Markup, html};

use super::frame::{Frame, page};
use crate::error::ApiError;

/// The page.
pub fn failure(error: &ApiError) -> Markup {
    let status = error.status();
    let title = status.canonical_reason().unwrap_or("Problem");
    let content = html! {
        section.notice {
            p.code { (status.as_u16()) }
            h1 { (title) }
            p { (capital(&error.to_string())) "." }
            @if let Some(hint) = error.hint() { p.hint { (capital(hint)) "." } }
            p {
                a.button href="/runs" { "All runs" }
                @if *error == ApiError::NoToken { " " a.button href="/login" { "Log in" } }
            }
        }
    };
    page(&Frame { title, ..Frame::default() }, &content)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

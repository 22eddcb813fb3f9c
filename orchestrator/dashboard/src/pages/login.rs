//! The login page.

use maud::{Markup, html};

use super::frame::{Frame, page};

/// The login page.
pub fn login(refused: bool, possible: bool) -> Markup {
    let content = html! {
        section.notice {
            h1 { "Log in" }
            @if possible {
                @if refused { p.bad role="alert" { "That is not the token." } }
                form method="post" action="/login" {
                    label { "Token " input type="password" name="token" required autofocus autocomplete="current-password"; }
                    " " button { "Log in" }
                }
                p.hint { "It is the content of the file that [dashboard] token_file or --token-file names." }
            } @else {
                p { "This dashboard has no token: everyone on this machine may read it, and nobody may control the run." }
                p.hint { "[dashboard] token_file or --token-file gives it one." }
            }
        }
    };
    page(&Frame { title: "Log in", ..Frame::default() }, &content)
}

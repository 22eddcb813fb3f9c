//! Buttons for commands to the run, for people with the token.

use maud::{Markup, html};
use retrial_live::{Pending, Snapshot};

/// The person who looks at the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Logged in.
    Known,
    /// Not logged in.
    Unknown,
    /// The dashboard has no token.
    Nobody,
}

/// The buttons.
pub fn control(live: &Snapshot, person: Person) -> Markup {
    let Pending { pause, stop, evaluate, checkpoint } = live.pending;
    html! {
        section.control.live #control {
            @match person {
                Person::Nobody => p.when { "To pause, stop or evaluate from here: [dashboard] token_file." },
                Person::Unknown => p.when { a href="/login" { "Log in" } " to pause, stop or evaluate." },
                Person::Known => form method="post" action="/control" {
                    @if pause || stop {
                        button name="command" value="resume" { "Resume" }
                    } @else {
                        button name="command" value="pause" { "Pause after this step" }
                        button name="command" value="stop" { "Stop after this step" }
                    }
                    (once("evaluate", "Evaluate after this step", evaluate))
                    (once("checkpoint", "Keep the weights of this step", checkpoint))
                },
            }
        }
    }
}

fn once(command: &str, word: &str, asked: bool) -> Markup {
    html! {
        button name="command" value=(command) disabled[asked] { (word) @if asked { " – pending" } }
    }
}

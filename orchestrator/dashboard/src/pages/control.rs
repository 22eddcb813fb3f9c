//! Buttons that ask something of the run: for those who have the token.

use maud::{Markup, html};
use retrial_live::{Pending, Snapshot};

/// Who looks at the buttons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// Has the token.
    Known,
    /// Has not shown it.
    Unknown,
    /// Nobody: the dashboard has no token.
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
                        button name="wish" value="resume" { "Go on" }
                    } @else {
                        button name="wish" value="pause" { "Pause after this step" }
                        button name="wish" value="stop" { "Stop after this step" }
                    }
                    (once("evaluate", "Evaluate after this step", evaluate))
                    (once("checkpoint", "Keep the weights of this step", checkpoint))
                },
            }
        }
    }
}

fn once(wish: &str, word: &str, asked: bool) -> Markup {
    html! {
        button name="wish" value=(wish) disabled[asked] { (word) @if asked { " – asked for" } }
    }
}

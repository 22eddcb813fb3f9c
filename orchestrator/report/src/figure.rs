//! A panel on a page.

use maud::{Markup, html};

use crate::chart::chart;
use crate::panel::Panel;

/// A panel with the URL of its numbers, if they have one.
pub fn figure(panel: &Panel, twin: Option<&str>) -> Markup {
    html! {
        figure.tile.live #{ "panel-" (panel.id) } data-twin=[twin] {
            figcaption {
                h3 { (panel.title) } (tip(&panel.formula))
                @if let Some(twin) = twin { a.twin href=(twin) title="These numbers as JSON" { "JSON" } }
            }
            (chart(panel))
        }
    }
}

/// A tooltip on hover and on focus.
pub fn tip(text: &str) -> Markup {
    html! { span.tip tabindex="0" { "?" span role="tooltip" { (text) } } }
}

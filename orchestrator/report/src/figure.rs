//! A panel on a page.

use maud::{Markup, html};

use crate::chart::{Size, chart};
use crate::panel::Panel;

/// URLs of a panel.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Its numbers as JSON; with them, its chart tells its values.
    pub twin: Option<String>,
    /// Its own page, where it is large.
    pub page: Option<String>,
}

/// A panel among others on a page.
pub fn figure(panel: &Panel, links: &Links) -> Markup {
    html! {
        figure.tile.live #{ "panel-" (panel.id) } data-twin=[&links.twin] {
            figcaption {
                h3 {
                    @if let Some(page) = &links.page { a href=(page) { (panel.title) } }
                    @else { (panel.title) }
                }
                (tip(&panel.formula))
                @if let Some(twin) = &links.twin { a.twin href=(twin) title="These numbers as JSON" { "JSON" } }
            }
            (chart(panel, Size::Tile))
            (readout(links))
        }
    }
}

/// The place where a chart tells its values, which a script fills.
pub fn readout(links: &Links) -> Markup {
    html! { @if links.twin.is_some() { output.readout {} } }
}

/// A tooltip on hover and on focus.
pub fn tip(text: &str) -> Markup {
    html! { span.tip tabindex="0" { "?" span role="tooltip" { (text) } } }
}

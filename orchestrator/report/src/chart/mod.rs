//! Panels as SVG: lines with bands, or layers on top of each other.
//!
//! Colours come from the style sheet, so that light and dark use the same drawing; no series is identified
//! by its colour alone: lines have dashes, layers have hatches, and the legend shows
//! each with its last number. Long series are drawn by the means of their parts; the JSON has
//! every number.

mod axes;
mod layers;
mod lines;
mod scale;
mod thin;
mod ticks;

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::format::number;
use crate::panel::{Panel, Series, Shape};

use axes::axes;
use layers::{LOOKS, layers};
use lines::line;
use scale::{Frame, LEFT, TOP};
use thin::thinned;

pub use layers::{hatch, hatches, patterns, swatch};
pub use scale::Size;

/// A panel as a chart with its legend.
pub fn chart(panel: &Panel, size: Size) -> Markup {
    if let Some(reason) = panel.empty {
        return html! { p.empty { (reason) } };
    }
    let drawn = thinned(panel, size);
    let frame = Frame::of(&drawn, size);
    html! {
        (legend(panel))
        svg.chart viewBox={ "0 0 " (frame.width) " " (frame.height) } role="img" aria-label=(label(panel))
            data-left=(LEFT) data-right=(frame.right()) data-top=(TOP)
            data-bottom=(frame.bottom()) data-from=(frame.x0) data-to=(frame.x1) {
            (content(&frame, &drawn))
        }
    }
}

/// The content of an SVG of this size, without a legend.
pub fn drawing(panel: &Panel, size: Size) -> Markup {
    let drawn = thinned(panel, size);
    content(&Frame::of(&drawn, size), &drawn)
}

fn content(frame: &Frame, drawn: &Panel) -> Markup {
    html! {
        (axes(frame, drawn.over))
        @match drawn.shape {
            Shape::Lines => @for (place, series) in drawn.series.iter().enumerate().rev() {
                (line(frame, drawn, series, place % LOOKS))
            }
            Shape::Stacked => (layers(frame, drawn)),
        }
    }
}

/// A text alternative of the chart.
fn label(panel: &Panel) -> String {
    let mut text = format!("{}.", panel.title);
    for series in &panel.series {
        let first = series.values.iter().find_map(|value| *value);
        if let Some((first, last)) = first.zip(series.last()) {
            let _ = write!(text, " {}: from {} to {}.", series.name, number(first), number(last));
        }
    }
    text
}

fn legend(panel: &Panel) -> Markup {
    html! {
        ul.legend {
            @for (place, series) in panel.series.iter().enumerate() {
                @let look = place % LOOKS;
                li {
                    svg.key viewBox="0 0 22 10" aria-hidden="true" { (key(panel.shape, series, look)) }
                    (series.name) " "
                    b { @match series.last() { Some(value) => (number(value)), None => "–" } }
                }
            }
            @for figure in &panel.figures {
                li { (figure.name) " " b { (number(figure.value)) } }
            }
        }
    }
}

/// A series' symbol for the legend: the content of an SVG of 22 x 10.
pub fn key(shape: Shape, series: &Series, place: usize) -> Markup {
    html! {
        @match shape {
            Shape::Stacked => (layers::layer(place)),
            Shape::Lines => path.{ "l" (place % LOOKS) @if series.faint { " faint" } } d="M0 5H22" {},
        }
    }
}

#[cfg(test)]
mod tests;

//! A panel as a self-contained SVG file, for documents.
//!
//! It includes the style sheet of the pages, so it follows light and dark mode too.

use maud::{Markup, PreEscaped, html};

use crate::STYLE;
use crate::chart::{Size, drawing, key, patterns};
use crate::format::number;
use crate::panel::Panel;

/// Height of a line of text.
const LINE: f64 = 16.0;

/// A panel with its title and its legend; none for an empty panel.
pub fn picture(panel: &Panel, size: Size) -> Option<Markup> {
    if panel.empty.is_some() {
        return None;
    }
    let (width, drawn) = size.of();
    // A large picture is shown as large as it is.
    let times = if size == Size::Large { 1.0 } else { 2.0 };
    let height = drawn + LINE * (panel.series.len() + 1) as f64;
    Some(html! {
        svg.chart xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (width) " " (height) }
            width=(times * width) height=(times * height) {
            title { (panel.title) }
            style { (PreEscaped(STYLE)) }
            rect.paper width=(width) height=(height) {}
            (patterns())
            text x="8" y=(LINE - 4.0) { (panel.title) }
            g transform={ "translate(0 " (LINE) ")" } { (drawing(panel, size)) }
            @for (place, series) in panel.series.iter().enumerate() {
                @let y = drawn + LINE * (place + 1) as f64;
                g transform={ "translate(8 " (y) ")" } { (key(panel.shape, series, place)) }
                text x="38" y=(y + 9.0) {
                    (series.name) " "
                    @match series.last() { Some(value) => (number(value)), None => "–" }
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::{Gaps, Over, Range, Series, Shape};

    #[test]
    fn a_picture_stands_alone() {
        let mut panel = Panel {
            id: "p".into(),
            title: "Reward & <more>".into(),
            formula: String::new(),
            over: Over::Step,
            shape: Shape::Stacked,
            gaps: Gaps::Open,
            range: Range::Zero,
            x: vec![1, 2],
            series: ["<a>", "b"].map(|name| Series::new(name, vec![Some(1.0), Some(2.0)])).into(),
            figures: Vec::new(),
            empty: None,
        };
        let drawn = picture(&panel, Size::Tile).unwrap().into_string();
        assert!(drawn.starts_with("<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\""));
        assert!(drawn.contains("Reward &amp; &lt;more&gt;") && drawn.contains("&lt;a&gt; 2"));
        assert!(drawn.contains("--c0: ") && drawn.contains("<pattern id=\"h1\""));
        assert_eq!(STYLE.find(['<', '&']), None, "the style sheet would not be XML");
        panel.empty = Some("No step is complete yet.");
        assert!(picture(&panel, Size::Tile).is_none());
    }
}

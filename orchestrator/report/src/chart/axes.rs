//! The axes of a drawing.

use maud::{Markup, html};

use super::scale::{Frame, LEFT, Size, TOP, round};
use super::ticks::ticks;
use crate::format::{grouped, number, roughly};
use crate::panel::Over;

/// The axes.
pub fn axes(frame: &Frame, over: Over) -> Markup {
    let foot = frame.height - 4.0;
    html! {
        @for mark in &frame.marks {
            @let y = round(frame.y(mark.at));
            path.grid d={ "M" (LEFT) " " (y) "H" (frame.right()) } {}
            text x=(LEFT - 4.0) y=(y + 3.5) text-anchor="end" { (mark.label) }
        }
        @for (x, anchor, label) in along(frame, over) {
            text x=(round(frame.x(x))) y=(foot) text-anchor=(anchor) { (label) }
        }
        text x=(f64::midpoint(LEFT, frame.right())) y=(foot) text-anchor="middle" { (over.word()) }
        @if let Some(note) = &frame.note {
            text.note x=(frame.right()) y=(TOP + 8.0) text-anchor="end" { (note) }
        }
    }
}

/// The labels of the horizontal axis: its ends, and on a large drawing round numbers between them.
fn along(frame: &Frame, over: Over) -> Vec<(f64, &'static str, String)> {
    let (first, last) = (frame.x0.ceil(), frame.x1.floor());
    let label = |x: f64| match over {
        Over::Step | Over::WeightVersion => grouped(x as i64),
        Over::Tokens => number(x),
        Over::Seconds => roughly(x),
    };
    let mut all = vec![(first, "start", label(first))];
    if frame.size == Size::Large {
        let room = (last - first) / 12.0;
        // The name of the axis has the middle.
        let middle = f64::midpoint(first, last);
        let free = |x: f64| {
            x.fract() == 0.0 && x - first > room && last - x > room && (x - middle).abs() > room
        };
        let round = ticks(first, last.max(first + 1.0)).into_iter().map(|tick| tick.at);
        all.extend(round.filter(|x| free(*x)).map(|x| (x, "middle", label(x))));
    }
    all.push((last, "end", label(last)));
    all.dedup_by(|a, b| a.2 == b.2);
    all
}

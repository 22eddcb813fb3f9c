use super::*;
use crate::panel::{Gaps, Over, Range};

fn panel(shape: Shape, x: Vec<u64>, values: Vec<Vec<Option<f64>>>) -> Panel {
    let series = values.into_iter().map(|values| Series::new("<s>", values)).collect();
    Panel {
        id: "p".into(),
        title: "T".into(),
        formula: String::new(),
        over: Over::Step,
        shape,
        gaps: Gaps::Open,
        range: Range::Zero,
        x,
        series,
        figures: Vec::new(),
        empty: None,
    }
}

#[test]
fn gaps_stay_gaps_and_lone_places_are_dots() {
    let values = vec![Some(1.0), Some(2.0), Some(f64::NAN), Some(3.0), None, Some(2.0)];
    let drawn =
        chart(&panel(Shape::Lines, (1..=6).collect(), vec![values]), Size::Tile).into_string();
    assert!(drawn.contains("d=\"M40 "), "{drawn}");
    assert_eq!(drawn.matches("<circle").count(), 2, "{drawn}");
    assert!(drawn.contains("&lt;s&gt;") && !drawn.contains("<s>"));
}

#[test]
fn a_single_step_is_seen() {
    let one =
        |shape| chart(&panel(shape, vec![1], vec![vec![Some(3.0)]]), Size::Tile).into_string();
    assert!(one(Shape::Lines).contains("<circle"));
    assert!(one(Shape::Stacked).contains("H412"), "{}", one(Shape::Stacked));
}

#[test]
fn long_series_stay_small() {
    let many = 100_000;
    let values = (0..many).map(|i| Some((f64::from(i) / 1000.0).sin())).collect();
    let x = (1..=u64::try_from(many).unwrap()).collect();
    let drawn = chart(&panel(Shape::Lines, x, vec![values]), Size::Tile).into_string();
    assert!(drawn.len() < 4000, "{}", drawn.len());
    assert!(drawn.contains("100\u{202f}000"), "the axis keeps its end");
}

#[test]
fn shares_that_lie_close_together_have_a_scale_of_their_own() {
    let share = |values: [f64; 2], range| {
        let mut panel = panel(Shape::Lines, vec![1, 2], vec![values.map(Some).to_vec()]);
        panel.range = range;
        chart(&panel, Size::Tile).into_string()
    };
    let close = share([0.92, 0.97], Range::Share);
    assert!(close.contains(">axis from 0.92 to 0.98<"), "{close}");
    assert!(!share([0.92, 0.97], Range::Whole).contains("axis from"));
    assert!(!share([0.1, 0.97], Range::Share).contains("axis from"));
    let top = share([1.0, 1.0], Range::Share);
    assert!(top.contains(">1<") && !top.contains(">1.0"), "nothing is above 1: {top}");
    assert!(share([0.001, 10.0], Range::Log).contains(">log scale<"));
}

#[test]
fn series_of_other_places_go_on_over_gaps() {
    let values = vec![Some(1.0), None, Some(2.0)];
    let mut panel = panel(Shape::Lines, vec![1, 2, 3], vec![values]);
    panel.gaps = Gaps::Joined;
    let drawn = chart(&panel, Size::Tile).into_string();
    assert_eq!(drawn.matches("<circle").count(), 2, "where it was measured: {drawn}");
    let line = drawn.split("class=\"l0\" d=\"").nth(2).unwrap().split('"').next().unwrap();
    assert_eq!((line.matches('M').count(), line.matches('L').count()), (1, 1), "{line}");
}

#[test]
fn no_end_of_an_axis_is_labelled_twice() {
    let drawn = chart(&panel(Shape::Lines, vec![7], vec![vec![Some(3.0)]]), Size::Tile);
    let drawn = drawn.into_string();
    assert_eq!(drawn.matches(">7<").count(), 1, "{drawn}");
}

//! The same series of several runs in one panel.

use retrial_store::RunData;

use crate::panel::{Gaps, Panel, Shape};
use crate::view::View;

/// Panels that are shown side by side, and the series of each.
const PANELS: [(&str, &str); 6] = [
    ("reward", "smoothed"),
    ("outcomes", "none pass"),
    ("coverage", "unsolved"),
    ("effective-batch", "trained / sampled"),
    ("entropy", "sampled"),
    ("lengths", "p50"),
];

/// One panel of each kind, with a series for each run.
pub fn panels(names: &[String], data: &[&RunData], view: &View) -> Vec<Panel> {
    let of_runs: Vec<Vec<Panel>> = data
        .iter()
        .map(|data| view.sections(data).into_iter().flat_map(|section| section.panels).collect())
        .collect();
    let mut kinds: Vec<(String, String)> = Vec::new();
    for panel in of_runs.iter().flatten().filter(|panel| panel.id.starts_with("held-out-")) {
        let kind = (panel.id.clone(), "Pass@1".to_owned());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.extend(PANELS.map(|(id, series)| (id.to_owned(), series.to_owned())));
    kinds.iter().filter_map(|(id, series)| together(id, series, names, &of_runs)).collect()
}

/// A series for each run, over all places of any run.
fn together(id: &str, series: &str, names: &[String], runs: &[Vec<Panel>]) -> Option<Panel> {
    let found: Vec<Option<&Panel>> =
        runs.iter().map(|panels| panels.iter().find(|panel| panel.id == id)).collect();
    let first = found.iter().flatten().find(|panel| panel.empty.is_none())?;
    let mut x: Vec<u64> = found.iter().flatten().flat_map(|panel| panel.x.clone()).collect();
    x.sort_unstable();
    x.dedup();
    let mut panel = Panel {
        title: format!("{}: {series}", first.title),
        shape: Shape::Lines,
        // Runs have numbers at different places.
        gaps: Gaps::Joined,
        x: x.clone(),
        series: Vec::new(),
        figures: Vec::new(),
        ..(*first).clone()
    };
    for (name, of_run) in names.iter().zip(found) {
        let Some((of_run, theirs)) = of_run.and_then(|panel| {
            Some((panel, panel.series.iter().find(|known| known.name == series)?))
        }) else {
            continue;
        };
        let spread = |values: &Vec<Option<f64>>| -> Vec<Option<f64>> {
            let at = |x: &u64| of_run.x.binary_search(x).ok().and_then(|place| values[place]);
            x.iter().map(at).collect()
        };
        let mut one = theirs.clone();
        one.name.clone_from(name);
        one.values = spread(&theirs.values);
        one.low = theirs.low.as_ref().map(spread);
        one.high = theirs.high.as_ref().map(spread);
        panel.series.push(one);
    }
    Some(panel)
}

//! Thinning of long series for drawing.

use super::scale::Size;
use crate::panel::Panel;

/// The panel as drawn; a long one by the means of its parts.
pub fn thinned(panel: &Panel, size: Size) -> Panel {
    let most = size.places();
    let count = panel.x.len();
    let mut thin = panel.clone();
    for value in thin.series.iter_mut().flat_map(|series| &mut series.values) {
        *value = value.filter(|value| value.is_finite());
    }
    if count <= most {
        return thin;
    }
    let part = |place: usize| place * count / most..(place + 1) * count / most;
    let means = |values: &Vec<Option<f64>>| -> Vec<Option<f64>> {
        let mean = |place| {
            let values: Vec<f64> = values[part(place)].iter().copied().flatten().collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        (0..most).map(mean).collect()
    };
    thin.x = (0..most)
        .map(|place| panel.x[usize::midpoint(part(place).start, part(place).end)])
        .collect();
    // The ends of the axis stay.
    thin.x[0] = panel.x[0];
    thin.x[most - 1] = panel.x[count - 1];
    for series in &mut thin.series {
        series.values = means(&series.values);
        series.low = series.low.as_ref().map(means);
        series.high = series.high.as_ref().map(means);
    }
    thin
}

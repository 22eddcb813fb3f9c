//! Runs side by side as Markdown.

use std::fmt::Write as _;
use std::path::Path;

use super::model::SideBySide;
use crate::document::{Table, escaped, plot_path};
use crate::format::number;
use crate::panel::Panel;

/// As Markdown. Plots are files in their own folder; without one there are tables of first and last values.
pub fn markdown(found: &SideBySide, plots: Option<&Path>) -> String {
    let mut text = format!("# {}\n\n## Numbers\n\n", escaped(&found.runs.join(", ")));
    let header = |first: &str| -> Vec<String> {
        std::iter::once(first.to_owned()).chain(found.runs.iter().cloned()).collect()
    };
    let rows = found.numbers.iter().map(|line| (line.name.clone(), numbers(&line.values)));
    text += &table(&header(""), rows);
    text += "\n## Settings that differ\n\n";
    if found.settings.is_empty() {
        text += "None.\n";
    } else {
        let value = |value: &Option<String>| value.clone().unwrap_or("–".into());
        let rows = found
            .settings
            .iter()
            .map(|line| (line.key.clone(), line.values.iter().map(value).collect()));
        text += &table(&header("key"), rows);
    }
    for panel in &found.panels {
        text += &section(panel, plots);
    }
    text
}

/// A panel: its plot, and the first and last values of its curves.
fn section(panel: &Panel, plots: Option<&Path>) -> String {
    let (title, formula) = (escaped(&panel.title), escaped(&panel.formula));
    let mut text = format!("\n## {title}\n\n{formula}\n\n");
    if let Some(folder) = plots {
        let _ = write!(text, "![{title}](<{}>)\n\n", plot_path(folder, panel).display());
    }
    let rows = panel.series.iter().map(|series| {
        let values = || series.values.iter().flatten().copied();
        let ends = [
            values().next(),
            series.last(),
            values().min_by(f64::total_cmp),
            values().max_by(f64::total_cmp),
        ];
        (series.name.clone(), numbers(&ends))
    });
    let header = ["run", "first", "last", "least", "most"].map(str::to_owned);
    text + &table(&header, rows)
}

fn numbers(values: &[Option<f64>]) -> Vec<String> {
    values.iter().map(|value| value.map_or("–".into(), number)).collect()
}

fn table(header: &[String], rows: impl Iterator<Item = (String, Vec<String>)>) -> String {
    let rows = rows.map(|(name, cells)| [vec![name], cells].concat()).collect();
    Table { header: header.to_vec(), rows }.markdown()
}

//! A report as a document: headings, paragraphs, tables and plots, as Markdown or as a page.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::STYLE;
use crate::chart::{Size, chart, hatches};
use crate::panel::Panel;
use crate::picture::picture;

/// Why plots could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {source}")]
pub struct PlotError {
    /// The file or folder.
    path: PathBuf,
    /// The reason.
    source: std::io::Error,
}

/// Parts in their order, under a title.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The title.
    pub title: String,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// A part of a document. All texts are plain.
#[derive(Clone, Debug)]
pub enum Part {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A table; the first column names the rows.
    Table(Table),
    /// A plot.
    Plot(Box<Panel>),
}

/// Rows under a header.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// The cells, a list a row.
    pub rows: Vec<Vec<String>>,
}

impl Document {
    /// As Markdown. Plots are files in their own folder; without one they are omitted.
    pub fn markdown(&self, plots: Option<&Path>) -> String {
        let mut text = format!("# {}\n", escaped(&self.title));
        for part in &self.parts {
            match part {
                Part::Heading(heading) => {
                    let _ = write!(text, "\n## {}\n", escaped(heading));
                }
                Part::Text(paragraph) => {
                    let _ = write!(text, "\n{}\n", escaped(paragraph));
                }
                Part::Table(table) => {
                    let _ = write!(text, "\n{}", table.markdown());
                }
                Part::Plot(panel) => {
                    if let Some(folder) = plots.filter(|_| panel.empty.is_none()) {
                        let path = plot_path(folder, panel);
                        let title = escaped(&panel.title);
                        let _ = write!(text, "\n![{title}](<{}>)\n", path.display());
                    }
                }
            }
        }
        text
    }

    /// Writes the plots as SVG files.
    pub fn write_plots(&self, folder: &Path) -> Result<(), PlotError> {
        let panels = self.parts.iter().filter_map(|part| match part {
            Part::Plot(panel) => Some(&**panel),
            _ => None,
        });
        write_plots(folder, panels)
    }

    /// As a page that needs nothing else: no server, no script.
    pub fn page(&self) -> Markup {
        let content = html! {
            (hatches())
            @for part in &self.parts {
                @match part {
                    Part::Heading(heading) => { h2 { (heading) } }
                    Part::Text(paragraph) => { p { (paragraph) } }
                    Part::Table(table) => { (table.page()) }
                    Part::Plot(panel) => { section { h3 { (panel.title) } (chart(panel, Size::Tile)) p { (panel.formula) } } }
                }
            }
        };
        page(&self.title, &content)
    }
}

/// A page with its style sheet inside.
pub fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – Retrial" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (content) } }
        }
    }
}

impl Table {
    /// As Markdown.
    pub fn markdown(&self) -> String {
        let row = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = row(&self.header) + &"|---".repeat(self.header.len()) + "|\n";
        for cells in &self.rows {
            text += &row(cells);
        }
        text
    }

    fn page(&self) -> Markup {
        html! {
            table.rows {
                thead { tr { @for name in &self.header { th { (name) } } } }
                tbody { @for row in &self.rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

/// Writes panels as SVG files, except empty ones.
pub fn write_plots<'a>(
    folder: &Path,
    panels: impl IntoIterator<Item = &'a Panel>,
) -> Result<(), PlotError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PlotError { path, source }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    for panel in panels {
        let Some(drawn) = picture(panel, Size::Tile) else { continue };
        let path = plot_path(folder, panel);
        std::fs::write(&path, drawn.into_string()).map_err(failed(&path))?;
    }
    Ok(())
}

/// The file name of a panel.
pub fn plot_path(folder: &Path, panel: &Panel) -> PathBuf {
    // A panel may be named after a data set, which can have any name.
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    folder.join(panel.id.chars().map(plain).collect::<String>() + ".svg")
}

/// One line of text, escaped for Markdown.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => escaped.push(' '),
            '\\' | '|' | '<' | '>' | '*' | '`' | '[' | ']' | '&' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

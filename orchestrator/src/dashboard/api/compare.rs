//! Runs side by side.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use sqlx::SqliteConnection;
use utoipa::ToSchema;

use crate::dashboard::panels::{Panel, sections};
use crate::dashboard::problem::{ErrorBody, Problem};
use crate::dashboard::queries::compare::{SettingLine, settings};
use crate::dashboard::queries::overview::{Memory, RunData};
use crate::dashboard::queries::runs;
use crate::dashboard::site::Site;
use crate::dashboard::tables;

/// Runs that are shown side by side at most.
pub const MOST: usize = 6;

/// Panels that are shown side by side, and the series of each.
const PANELS: [(&str, &str); 6] = [
    ("reward", "smoothed"),
    ("outcomes", "none pass"),
    ("coverage", "unsolved"),
    ("effective-batch", "trained / sampled"),
    ("entropy", "sampled"),
    ("lengths", "p50"),
];

/// Sums and last values of runs.
const NUMBERS: [(&str, &str, Kind); 7] = [
    ("training reward, last step", "first_trial_pass_rate", Kind::Last),
    ("second trials", "hinted_problems", Kind::Sum),
    ("rescued", "rescued_problems", Kind::Sum),
    ("tokens, first trial", "first_trial_tokens", Kind::Sum),
    ("tokens, second trial", "second_trial_tokens", Kind::Sum),
    ("seconds, both trials", "first_trial_seconds", Kind::Sum),
    ("seconds, training", "train_seconds", Kind::Sum),
];

#[derive(Clone, Copy)]
enum Kind {
    Sum,
    Last,
}

/// Runs side by side.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comparison {
    /// The runs, in the order asked for.
    pub runs: Vec<String>,
    /// Numbers of the runs.
    pub numbers: Vec<NumberLine>,
    /// Settings in which they differ.
    pub settings: Vec<SettingLine>,
    /// The same series of each run in one panel.
    pub panels: Vec<Panel>,
}

/// A number of each run.
#[derive(Debug, Serialize, ToSchema)]
pub struct NumberLine {
    /// What it is.
    pub name: String,
    /// Its value in each run.
    pub values: Vec<Option<f64>>,
}

/// Reads the runs that an address names.
pub async fn comparison_of(site: &Site, query: &str) -> Result<Comparison, Problem> {
    let mut names = names(query);
    names.dedup();
    if names.is_empty() || names.len() > MOST {
        return Err(Problem::Bad(format!(
            "name one to {MOST} runs to compare: /compare?run=A&run=B"
        )));
    }
    let memory = &site.memory;
    site.db.read(async |db| compare(db, memory, names).await).await
}

/// Reads runs by their names.
pub async fn compare(
    db: &mut SqliteConnection,
    memory: &Memory,
    names: Vec<String>,
) -> Result<Comparison, Problem> {
    let (mut records, mut data) = (Vec::new(), Vec::new());
    for name in &names {
        let run = runs::find(db, name).await?;
        data.push(memory.data(db, &run).await?);
        records.push(run);
    }
    let data: Vec<&RunData> = data.iter().map(AsRef::as_ref).collect();
    Ok(Comparison {
        numbers: numbers(&data),
        settings: settings(&records),
        panels: panels(&names, &data),
        runs: names,
    })
}

fn names(query: &str) -> Vec<String> {
    let values = query.split('&').filter_map(|pair| pair.strip_prefix("run="));
    let decoded = values
        .map(|value| percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned());
    decoded.filter(|name| !name.is_empty()).collect()
}

fn numbers(data: &[&RunData]) -> Vec<NumberLine> {
    let mut lines = vec![NumberLine {
        name: "steps".into(),
        values: data.iter().map(|data| Some(data.steps.len() as f64)).collect(),
    }];
    let mut sets: Vec<&str> = data
        .iter()
        .flat_map(|data| data.evaluations.iter().map(|found| found.split.as_str()))
        .collect();
    sets.sort_unstable();
    sets.dedup();
    for set in sets {
        let last = |data: &&RunData| {
            data.evaluations.iter().rfind(|found| found.split == set).map(|found| found.pass_at_1)
        };
        let first = |data: &&RunData| {
            data.evaluations.iter().find(|found| found.split == set).map(|found| found.pass_at_1)
        };
        lines.push(NumberLine {
            name: format!("held-out {set}: first Pass@1"),
            values: data.iter().map(first).collect(),
        });
        lines.push(NumberLine {
            name: format!("held-out {set}: last Pass@1"),
            values: data.iter().map(last).collect(),
        });
    }
    lines.extend(NUMBERS.map(|(name, metric, kind)| {
        let value = |data: &&RunData| {
            let values = data.metrics.get(metric)?.iter().flatten();
            match kind {
                Kind::Sum => Some(values.sum()),
                Kind::Last => values.copied().last(),
            }
        };
        NumberLine { name: name.into(), values: data.iter().map(value).collect() }
    }));
    lines
}

/// One panel of each kind, a series a run.
fn panels(names: &[String], data: &[&RunData]) -> Vec<Panel> {
    let of_runs: Vec<Vec<Panel>> = data
        .iter()
        .map(|data| sections(data).into_iter().flat_map(|section| section.panels).collect())
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

/// A series of each run, over all places that any of them has.
fn together(id: &str, series: &str, names: &[String], runs: &[Vec<Panel>]) -> Option<Panel> {
    let found: Vec<Option<&Panel>> =
        runs.iter().map(|panels| panels.iter().find(|panel| panel.id == id)).collect();
    let first = found.iter().flatten().find(|panel| panel.empty.is_none())?;
    let mut x: Vec<u64> = found.iter().flatten().flat_map(|panel| panel.x.clone()).collect();
    x.sort_unstable();
    x.dedup();
    let mut panel = Panel {
        title: format!("{}: {series}", first.title),
        shape: crate::dashboard::panels::Shape::Lines,
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

/// Runs side by side
///
/// Where their settings differ, their numbers, and the same series of each in one panel.
#[utoipa::path(
    get, path = "/api/compare", tag = "runs",
    params(("run" = Vec<String>, Query, description = "Names of one to six runs", explode)),
    responses((status = 200, body = Comparison), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
pub async fn get(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<Json<Comparison>, Problem> {
    comparison_of(&site, &query.unwrap_or_default()).await.map(Json)
}

/// Runs side by side as CSV
///
/// Their numbers, then the settings in which they differ: a column a run.
#[utoipa::path(
    get, path = "/api/compare.csv", tag = "runs",
    params(("run" = Vec<String>, Query, description = "Names of one to six runs", explode)),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)),
)]
pub async fn get_csv(
    State(site): State<Site>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let found = comparison_of(&site, &query.unwrap_or_default()).await?;
    let mut lines = vec![line("", found.runs.into_iter().map(Some))];
    lines.extend(found.numbers.into_iter().map(|NumberLine { name, values }| {
        line(&name, values.into_iter().map(|value| value.map(|value| value.to_string())))
    }));
    lines.extend(found.settings.into_iter().map(|setting| line(&setting.key, setting.values)));
    tables::csv("comparison", &lines)
}

fn line(name: &str, values: impl IntoIterator<Item = Option<String>>) -> Vec<String> {
    let values = values.into_iter().map(Option::unwrap_or_default);
    std::iter::once(name.to_owned()).chain(values).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_address() {
        assert_eq!(names("run=a&run=b%2Bc&x=1&run="), ["a", "b+c"]);
    }
}

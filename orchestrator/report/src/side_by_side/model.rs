//! The data of runs side by side.

use retrial_store::{ReadError, RunCache, RunData, View};
use serde::Serialize;
use utoipa::ToSchema;

use super::numbers::{NumberLine, numbers};
use super::panels::panels;
use super::settings::{SettingLine, settings};
use crate::panel::Panel;

/// Runs side by side.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Comparison)]
pub struct SideBySide {
    /// The runs, in the requested order.
    pub runs: Vec<String>,
    /// Numbers of the runs.
    pub numbers: Vec<NumberLine>,
    /// Settings that differ.
    pub settings: Vec<SettingLine>,
    /// Panels with the same series of each run.
    pub panels: Vec<Panel>,
}

impl SideBySide {
    /// Reads runs by their names.
    pub async fn read(
        view: &mut View<'_>,
        cache: &RunCache,
        names: Vec<String>,
        look: &crate::View,
    ) -> Result<Self, ReadError> {
        let (mut infos, mut data) = (Vec::new(), Vec::new());
        for name in &names {
            let run = view.run(name).await?;
            data.push(cache.data(view, &run).await?);
            infos.push(run);
        }
        let data: Vec<&RunData> = data.iter().map(AsRef::as_ref).collect();
        let of_run: Vec<_> = infos.iter().map(|run| (&*run.model, &run.config)).collect();
        Ok(Self {
            numbers: numbers(&data),
            settings: settings(&of_run),
            panels: panels(&names, &data, look),
            runs: names,
        })
    }
}

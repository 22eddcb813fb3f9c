//! The dashboard as the loop takes it.

use std::path::Path;
use std::sync::Arc;

use retrial_config::DashboardConfig;

use crate::failure::Failure;
use crate::live::Live;

pub use retrial_dashboard::*;

/// A dashboard of a run that has its address and does not answer yet.
#[derive(Debug)]
pub struct Door(Listener);

impl Door {
    /// Takes the address for a run, as [`Listener::of_run`] does.
    pub async fn of_run(config: &DashboardConfig) -> Result<Option<Self>, Failure> {
        let listener = Listener::of_run(config).await.map_err(Failure::input)?;
        Ok(listener.map(Self))
    }

    /// Answers from a log, and from the run that this process trains, if it does.
    pub async fn serve(self, log: &Path, live: Option<Arc<Live>>) -> Result<Dashboard, ServeError> {
        self.0.serve(log, live).await
    }
}

//! The data of a run's overview.

use retrial_live::Snapshot;
use retrial_report::attention::Attention;
use retrial_report::{Section, View};
use retrial_store::{LoggedNotice, RunData, Source, Weights};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::look::Look;
use crate::site::Site;
use crate::status::RunStatus;

/// Number of warnings in an overview.
const NOTICES: u32 = 10;

/// The overview of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overview {
    /// Its status.
    pub status: RunStatus,
    /// What deserves attention in it, the worst first.
    pub attention: Vec<Attention>,
    /// Its panels.
    pub sections: Vec<Section>,
    /// The latest served versions, the latest first.
    pub weights: Vec<Weights>,
    /// The share of correct un-hinted rollouts by the tags of their problems, over the last steps.
    pub sources: Vec<Source>,
    /// Number of training problems.
    pub train_problems: u64,
    /// How many times the steps went through them.
    pub epoch: f64,
    /// The latest warnings of the processes that trained it, the latest first.
    pub notices: Vec<LoggedNotice>,
    /// The current activity, if this process trains it.
    pub live: Option<Snapshot>,
}

impl Overview {
    /// Reads the overview of a run.
    pub async fn read(site: &Site, run: &str, view: &View) -> Result<Self, ApiError> {
        let (Look { status, attention }, data) = site.look(run).await?;
        let notices = site.notices(run, NOTICES).await?;
        let RunData { train_problems, visits, .. } = *data;
        Ok(Self {
            live: site.snapshot().filter(|_| status.live),
            status,
            attention,
            sections: view.sections(&data),
            weights: data.weights.clone(),
            sources: data.sources.clone(),
            notices,
            train_problems,
            epoch: visits as f64 / train_problems.max(1) as f64,
        })
    }
}

//! Evaluation of a model without training: benchmarks of the paper, and problems of one's own.
//!
//! As in the paper (arXiv 2510.26109, section on evaluation) each problem is sampled k times, 4 or
//! 16; Pass@1 is the mean share of correct samples, Pass@k the unbiased estimate, the average the
//! plain mean over benchmarks. Each problem enters the log as soon as it is graded, so that an
//! interrupted evaluation continues with the next. The weights are never changed: the
//! embedded server is started on a folder, or servers are used as they are.

mod bootstrap;
mod compare;
mod open;
mod plan;
mod sampling;
mod scores;
mod sets;
mod weights;

use std::path::Path;

use anyhow::{Result, bail};
use retrial_loop::evaluator::Set;
use retrial_loop::failure::Failure;
use retrial_store::Store;

pub use bootstrap::{Interval, interval};
pub use compare::{Change, Comparison, compare};
pub use plan::Plan;
pub use scores::{SetScore, scores};
pub use sets::SetArgument;
pub use weights::{Weights, of_run};

/// Evaluates; continues with what the log has of the evaluation of this name.
pub async fn eval(plan: Plan) -> Result<Vec<SetScore>, Failure> {
    let eval = open::open(plan).await.map_err(Failure::Input)?;
    sampling::sample(&eval).await?;
    let names: Vec<&str> = eval.sets.iter().map(Set::name).collect();
    let scores = scores(&eval.store, eval.id, &names).await?;
    eval.store.close().await;
    Ok(scores)
}

/// Opens an existing log.
pub async fn existing(path: &Path) -> Result<Store> {
    if !path.is_file() {
        bail!(
            "there is no log {}\nhint: `retrial eval` creates one; --db selects another",
            path.display()
        );
    }
    Ok(Store::open(path).await?)
}

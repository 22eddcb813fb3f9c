//! Checks that the weight versions and the log fit on the disk.

use std::path::Path;

use retrial_config::{Config, Precision};
use retrial_protocol::memory::{Shape, version_bytes};

use super::finding::{Finding, State};

const SUBJECT: &str = "disk";
/// Bytes of a token in the log: its id, its log-probability, and about four letters of text with
/// their entry in the full-text index.
const LOGGED_BYTES: u64 = 4 + 4 + 8;
/// Bytes of a rollout besides, with its entries in indexes.
const ROLLOUT_BYTES: u64 = 500;

/// Compares the free space with that of the versions to keep and one more while it is written, and of the log if
/// every response had the most tokens.
pub fn disk(config: &Config, shape: &Shape) -> Finding {
    let bf16 = config.trainer.precision == Precision::Bf16;
    let versions = config.run.keep as u64 + 1;
    let of_versions = versions * version_bytes(shape, bf16, config.trainer.lora.as_ref());
    let of_log = log_bytes(config);
    let (folder, database) = (config.weights(), &config.run.database);
    let free = |path: &Path| {
        let path = std::path::absolute(path)?;
        let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
        fs4::available_space(existing)
    };
    let (free_for_versions, free_for_log) = match (free(&folder), free(database)) {
        (Ok(versions), Ok(log)) => (versions, log),
        (Err(error), _) | (_, Err(error)) => return Finding::problem(SUBJECT, &error),
    };
    let mb = |bytes: u64| bytes.div_ceil(1_000_000);
    let text = format!(
        "{versions} versions in {} take about {} MB, {} MB are free; the log {} takes at most about \
         {} MB, {} MB are free",
        folder.display(),
        mb(of_versions),
        mb(free_for_versions),
        database.display(),
        mb(of_log),
        mb(free_for_log),
    );
    let state = if free_for_versions < of_versions {
        State::Problem
    } else if free_for_log < of_log {
        State::Warning
    } else {
        State::Ok
    };
    Finding::new(SUBJECT, state, text)
}

/// The log of all steps, with a second trial of every problem.
fn log_bytes(config: &Config) -> u64 {
    let rollout = &config.rollout;
    let of_problem = u64::from(rollout.group) + u64::from(rollout.extra);
    let rollouts = config.run.steps * rollout.problems as u64 * of_problem;
    rollouts * (ROLLOUT_BYTES + rollout.max_tokens() as u64 * LOGGED_BYTES)
}

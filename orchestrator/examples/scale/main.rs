//! Which part saturates first, simulated: `cargo run --release -p retrial --example scale`.
//!
//! Simulates a step of plans for machines that were not available, event by event, then measures
//! such a step in a real log. The simulation depends on its inputs, in [`plan`], and a
//! seed; docs/scale.md has its output.

mod log;
mod plan;
mod rollouts;
mod step;
mod wire;

use anyhow::Result;

use plan::{LOG_BYTES, LOG_ROWS, Plan, Way};
use step::Step;

const SEED: u64 = 1;
const DAY: f64 = 86_400.0;

/// A row of a table: its name, and its value for a plan.
type Row = (&'static str, fn(&Plan, &Step) -> String);

#[tokio::main]
async fn main() -> Result<()> {
    let all: Vec<(Plan, Step)> =
        plan::plans().into_iter().map(|plan| (plan.clone(), step::step(&plan, SEED))).collect();
    table("", &all, &PLANS);
    table("seconds", &all, &SECONDS);
    table("GB over wires and to disk, a step", &all, &BYTES);
    table("share of a step", &all, &SHARES);
    table("the log", &all, &LOG);

    println!("Measured here, in place of LOG_TOKEN, LOG_BYTES, LOG_ROWS and JSON:\n");
    for (what, kept) in [("all of it", None), ("correct responses cut", Some(log::KEPT))] {
        let found = log::measure(kept).await?;
        println!(
            "log, {what}: {:.2e} s and {:.1} bytes a token, {:.2} rows a rollout",
            found.token_seconds, found.token_bytes, found.rollout_rows
        );
    }
    println!("batch as JSON: {:.0} MB/s", log::json()? / 1e6);
    Ok(())
}

const PLANS: [Row; 6] = [
    ("between ranks; to servers", |plan, _| {
        let way = match plan.way {
            Way::Host => "Gloo; disk",
            Way::Nccl => "NCCL",
        };
        way.into()
    }),
    ("GPUs that train", |plan, _| plan.ranks.to_string()),
    ("servers x GPUs", |plan, _| format!("{} x {}", plan.servers, plan.gpus)),
    ("problems", |plan, _| plan.problems.to_string()),
    ("rollouts, both trials", |_, step| step.rollouts.to_string()),
    ("memory of a rank, GB", |_, step| gb(step.rank_memory)),
];

const SECONDS: [Row; 10] = [
    ("first trial", |_, step| short(step.phases.first_trial)),
    ("second trial", |_, step| short(step.phases.second_trial)),
    ("of both, the last tenth of the responses", |_, step| short(step.tail)),
    ("batch as JSON", |_, step| short(step.phases.batch)),
    ("forward and backward", |_, step| short(step.phases.passes)),
    ("gradients, weights between ranks", |_, step| short(step.phases.between_ranks)),
    ("version to disk", |_, step| short(step.phases.version)),
    ("weights to servers", |_, step| short(step.phases.push)),
    ("**a step**", |_, step| short(step.phases.total())),
    ("with `max_staleness = 1`", |_, step| short(step.phases.overlapped())),
];

const BYTES: [Row; 5] = [
    ("answers of the servers", |_, step| gb(step.bytes.answers)),
    ("batch, to all ranks", |_, step| gb(step.bytes.batch)),
    ("gradients, weights between ranks", |_, step| gb(step.bytes.between_ranks)),
    ("version to disk", |_, step| gb(step.bytes.version)),
    ("weights to servers", |_, step| gb(step.bytes.push)),
];

const SHARES: [Row; 3] = [
    ("busiest", |_, step| share(step, 0)),
    ("then", |_, step| share(step, 1)),
    ("then", |_, step| share(step, 2)),
];

const LOG: [Row; 4] = [
    ("its writer is busy, % of a step", |_, step| {
        format!("{:.2}", 100.0 * step.logged / step.phases.total())
    }),
    ("steps a day", |_, step| format!("{:.0}", DAY / step.phases.total())),
    ("million rows a day", |_, step| {
        let rows = step.rollouts as f64 * LOG_ROWS;
        format!("{:.1}", rows * DAY / step.phases.total() / 1e6)
    }),
    ("GB a day", |_, step| gb(step.tokens * LOG_BYTES * DAY / step.phases.total())),
];

fn table(name: &str, all: &[(Plan, Step)], rows: &[Row]) {
    let line = |name: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.collect();
        println!("| {name} | {} |", cells.join(" | "));
    };
    line(name, &mut all.iter().map(|(plan, _)| plan.name.to_owned()));
    println!("|---{}|", "|---".repeat(all.len()));
    for (name, cell) in rows {
        line(name, &mut all.iter().map(|(plan, step)| cell(plan, step)));
    }
    println!();
}

fn share(step: &Step, rank: usize) -> String {
    let (what, share) = step.shares()[rank];
    format!("{what} {:.0} %", 100.0 * share)
}

fn gb(bytes: f64) -> String {
    short(bytes / 1e9)
}

/// Two significant digits at least, and no more than are known.
fn short(number: f64) -> String {
    if number < 10.0 { format!("{number:.1}") } else { format!("{number:.0}") }
}

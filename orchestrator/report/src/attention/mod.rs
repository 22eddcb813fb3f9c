//! What deserves attention in a run now: a list, the worst first.
//!
//! A pure function of what the log has, with the health of servers and the space on the disk if the
//! caller knows them. Each file looks for one group of troubles. Its thresholds are constants with their
//! reason; they leave a healthy run alone, so that an entry means something.

mod entry;
mod hints;
mod machines;
mod policy;
mod recent;
mod responses;

pub use entry::{Attention, Disk, Facts, Severity, Trouble};

/// What deserves attention, the worst first.
pub fn attention(facts: &Facts<'_>) -> Vec<Attention> {
    let looks: [fn(&Facts<'_>) -> Option<Attention>; 15] = [
        machines::ended,
        machines::disk,
        machines::stale_weights,
        machines::server_out,
        responses::all_cut,
        responses::no_answers,
        machines::verifier,
        responses::no_spread,
        policy::drift,
        policy::entropy_collapse,
        policy::lost_problems,
        machines::verifiers_disagree,
        hints::hints_repeated,
        hints::mistakes_repeated,
        machines::warnings,
    ];
    let mut found: Vec<Attention> = looks.iter().filter_map(|look| look(facts)).collect();
    found.sort_by_key(|entry| (entry.severity, entry.kind));
    found
}

#[cfg(test)]
mod tests;

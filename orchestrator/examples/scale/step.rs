//! One step, phase by phase, as the orchestrator takes it with `max_staleness = 0`.

use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use retrial_protocol::memory::{Training, peak, version_bytes};

use super::plan::{
    GPU_FLOPS, GROUP, INFINIBAND, JSON, LOG_TOKEN, MFU, MICRO_BATCH, NODE, NONE_PASS, NVLINK,
    ORCHESTRATOR_CORES, ORCHESTRATOR_TOKEN, PROMPT, PUSH, Plan, READ, SHARED, TCP, WRITE, Way,
};
use super::rollouts::{Decoder, Lengths, Trial, lengths, trial};
use super::wire;

/// Operations of a training pass, forward and backward, for each weight and token.
const OPERATIONS: f64 = 6.0;
/// The backward pass's part of them, during which gradients are sent.
const BACK: f64 = 2.0 / 3.0;

/// The result of a step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Seconds.
    pub phases: Phases,
    /// Bytes over wires.
    pub bytes: Bytes,
    /// Sampled tokens, and rollouts.
    pub tokens: f64,
    pub rollouts: usize,
    /// Seconds between the end of nine tenths of the responses and the end of all, both trials.
    pub tail: f64,
    /// Mean seconds that a server worked.
    pub served: f64,
    /// Seconds that each of the orchestrator's processors and the writer of its log worked.
    pub orchestrated: f64,
    pub logged: f64,
    /// Most memory of a rank, bytes.
    pub rank_memory: f64,
}

/// Seconds of each phase.
#[derive(Clone, Copy, Debug)]
pub struct Phases {
    pub first_trial: f64,
    pub second_trial: f64,
    /// The batch, as JSON, until all ranks have read it.
    pub batch: f64,
    /// Forward and backward, on the rank with the most tokens.
    pub passes: f64,
    /// Gradients between ranks, except what the backward pass hides, and weights.
    pub between_ranks: f64,
    /// Writing the version to disk, by all ranks at the same time.
    pub version: f64,
    /// Weights to the servers.
    pub push: f64,
}

/// Bytes of each kind, of all senders together.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    pub answers: f64,
    pub batch: f64,
    pub between_ranks: f64,
    pub version: f64,
    pub push: f64,
}

impl Phases {
    pub fn total(&self) -> f64 {
        self.rollouts() + self.update() + self.push
    }

    /// With `max_staleness = 1` the rollouts of the next step overlap with the update.
    pub fn overlapped(&self) -> f64 {
        self.rollouts().max(self.update()) + self.push
    }

    fn rollouts(&self) -> f64 {
        self.first_trial + self.second_trial
    }

    fn update(&self) -> f64 {
        self.batch + self.passes + self.between_ranks + self.version
    }
}

impl Step {
    /// The load of each part as a share of a step's time, the busiest first.
    pub fn shares(&self) -> Vec<(&'static str, f64)> {
        let phases = &self.phases;
        let mut shares = vec![
            ("servers", self.served),
            ("ranks", phases.passes),
            ("wires of ranks", phases.between_ranks),
            ("version", phases.version),
            ("push", phases.push),
            ("batch as JSON", phases.batch),
            ("orchestrator", self.orchestrated),
            ("log", self.logged),
        ];
        for (_, seconds) in &mut shares {
            *seconds /= phases.total();
        }
        shares.sort_by(|one, other| other.1.total_cmp(&one.1));
        shares
    }
}

/// Simulates a step from a random seed.
pub fn step(plan: &Plan, seed: u64) -> Step {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let decoder = Decoder::new(&plan.model, plan.gpus);
    let first = lengths(&mut random, plan.problems, GROUP);
    let hinted = (plan.problems as f64 * NONE_PASS).round() as usize;
    let second = lengths(&mut random, hinted, GROUP);
    let (first_trial, second_trial) =
        (trial(&first, plan.servers, decoder), trial(&second, plan.servers, decoder));

    let (n, ranks) = (plan.model.parameters(), plan.ranks);
    let sampled = sum(&first) + sum(&second);
    // A refined group has as many responses as before; rescues are assumed to be as long.
    let learned = sum(&first) + f64::from(PROMPT) * (first.len() * GROUP) as f64;
    let version_bytes = version_bytes(&plan.model.shape, true, None) as f64;
    let of_a_rank = most_tokens(&first, ranks);
    let micro_batches = (of_a_rank / f64::from(MICRO_BATCH)).ceil();
    let gradients = micro_batches * wire::gradients(n, ranks, plan.way);
    let weights = wire::weights(n, ranks, wire::BF16);
    let bytes = Bytes {
        answers: wire::answers(sampled),
        batch: wire::batch(learned, ranks),
        between_ranks: ranks as f64 * (gradients + weights),
        version: version_bytes,
        push: wire::push(n, plan.servers),
    };
    let speed = between_ranks(ranks, plan.way);
    let passes = OPERATIONS * n * of_a_rank / (GPU_FLOPS * MFU);
    let phases = Phases {
        first_trial: through(&first, &first_trial),
        second_trial: through(&second, &second_trial),
        // Rank 0 reads it and writes it again, the others read it at the same time.
        batch: 3.0 * bytes.batch / ranks as f64 / JSON,
        passes,
        between_ranks: (gradients / speed - BACK * passes).max(0.0) + weights / speed,
        version: version_bytes / (ranks as f64 * WRITE).min(SHARED),
        push: PUSH + push_seconds(plan, bytes.push),
    };
    Step {
        phases,
        bytes,
        tokens: sampled,
        rollouts: (first.len() + second.len()) * GROUP,
        tail: tail(&first_trial) + tail(&second_trial),
        served: (first_trial.worked + second_trial.worked) / plan.servers as f64,
        orchestrated: sampled * ORCHESTRATOR_TOKEN / ORCHESTRATOR_CORES as f64,
        logged: sampled * LOG_TOKEN,
        rank_memory: rank_memory(plan),
    }
}

/// Bytes a second that a rank sends.
fn between_ranks(ranks: usize, way: Way) -> f64 {
    match way {
        Way::Host => TCP,
        Way::Nccl if ranks <= NODE => NVLINK,
        // As fast as the slowest part, between machines.
        Way::Nccl => INFINIBAND,
    }
}

fn push_seconds(plan: &Plan, bytes: f64) -> f64 {
    match plan.way {
        // The GPU of rank 0 sends to each server, over its one port.
        Way::Nccl => bytes / INFINIBAND,
        Way::Host => {
            let machines = (plan.servers * plan.gpus).div_ceil(NODE) as f64;
            let version = bytes / plan.servers as f64;
            (version / READ).max(machines * version / SHARED)
        }
    }
}

/// When the orchestrator is done with the last group: read and graded on one of its processors,
/// then logged by its one writer.
fn through(groups: &[Lengths], trial: &Trial) -> f64 {
    let mut arrivals: Vec<(f64, f64)> =
        trial.ends.iter().copied().zip(groups.iter().map(tokens)).collect();
    arrivals.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut free, mut written) = ([0.0_f64; ORCHESTRATOR_CORES], 0.0_f64);
    for (at, tokens) in arrivals {
        let earliest = free.iter_mut().min_by(|one, other| one.total_cmp(other));
        let core = earliest.expect("there is a processor");
        *core = core.max(at) + tokens * ORCHESTRATOR_TOKEN;
        written = written.max(*core) + tokens * LOG_TOKEN;
    }
    written
}

/// Tokens of the rank with the most: responses are partitioned, the longest first.
fn most_tokens(groups: &[Lengths], ranks: usize) -> f64 {
    let mut all: Vec<u32> = groups.concat();
    all.sort_unstable_by(|one, other| other.cmp(one));
    let mut of_ranks = vec![0_u64; ranks];
    for length in all {
        let least = of_ranks.iter_mut().min().expect("there is a rank");
        *least += u64::from(length + PROMPT);
    }
    of_ranks.into_iter().max().unwrap_or_default() as f64
}

fn tail(trial: &Trial) -> f64 {
    let ends = &trial.responses;
    let most = ends.get(ends.len() * 9 / 10);
    ends.last().zip(most).map_or(0.0, |(last, most)| last - most)
}

fn tokens(group: &Lengths) -> f64 {
    group.iter().map(|&length| f64::from(length)).sum()
}

fn sum(groups: &[Lengths]) -> f64 {
    groups.iter().map(tokens).sum()
}

/// In bf16, with layers recomputed in the backward pass.
fn rank_memory(plan: &Plan) -> f64 {
    let training = Training {
        tokens: u64::from(MICRO_BATCH),
        response_tokens: u64::from(MICRO_BATCH),
        activation_bytes: 2,
        recompute: true,
        lora: None,
        reference: false,
        accelerator: true,
        ranks: plan.ranks as u64,
    };
    peak(&plan.model.shape, &training) as f64
}

#[cfg(test)]
mod tests {
    use super::super::plan::{MAX_TOKENS, plans};
    use super::*;

    #[test]
    fn a_step_follows_from_its_seed_and_takes_the_time_of_its_parts() {
        for plan in plans() {
            let (found, again) = (step(&plan, 1), step(&plan, 1));
            assert_eq!(format!("{found:?}"), format!("{again:?}"));
            let Phases { first_trial, second_trial, push, .. } = found.phases;
            let total = found.phases.total();
            assert!(first_trial > 0.0 && second_trial > 0.0 && push > 0.0, "{}", plan.name);
            assert!(found.phases.overlapped() <= total && total.is_finite(), "{}", plan.name);
            assert!(found.shares().iter().all(|(_, share)| (0.0..=1.0).contains(share)));
            // The longest response alone takes 8,192 passes over the weights.
            let least = f64::from(MAX_TOKENS) * 2.0 * plan.model.parameters();
            let memory = super::super::plan::GPU_MEMORY * plan.gpus as f64;
            assert!(first_trial > least / memory, "{}", plan.name);
        }
    }

    #[test]
    fn more_of_anything_never_makes_its_own_phase_longer() {
        for plan in plans() {
            let of = |plan: &Plan| step(plan, 1).phases;
            let usual = of(&plan);
            let servers = of(&Plan { servers: 2 * plan.servers, ..plan.clone() });
            assert!(servers.first_trial <= usual.first_trial, "{}", plan.name);
            assert!(servers.second_trial <= usual.second_trial, "{}", plan.name);
            // The cost of more servers: each needs the weights.
            assert!(servers.push >= usual.push, "{}", plan.name);
            let ranks = of(&Plan { ranks: 2 * plan.ranks, ..plan.clone() });
            assert!(ranks.passes < usual.passes, "{}", plan.name);
            let problems = of(&Plan { problems: 2 * plan.problems, ..plan.clone() });
            assert!(problems.total() > usual.total(), "{}", plan.name);
        }
    }

    #[test]
    fn the_orchestrator_is_waited_for_where_all_groups_end_at_once() {
        let group = vec![1000; GROUP];
        let groups = vec![group; 10];
        let at_once = Trial { ends: vec![5.0; 10], responses: Vec::new(), worked: 0.0 };
        let work = 1000.0 * GROUP as f64;
        let (read, written) = (work * ORCHESTRATOR_TOKEN, work * LOG_TOKEN);
        let least = 5.0 + read + 10.0 * written;
        let most = 5.0 + 5.0 * read + 10.0 * written;
        let found = through(&groups, &at_once);
        assert!((least - 1e-9..=most + 1e-9).contains(&found), "{least} {found} {most}");
    }
}

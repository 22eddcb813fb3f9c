//! Rollouts on servers, event by event: each response ends when its last token is decoded. The time of
//! a token depends on what the server decodes at the same time.

use std::collections::{BinaryHeap, VecDeque};

use rand::RngExt as _;
use rand::rngs::ChaCha8Rng;

use super::plan::{
    DECODING, DEVIATION, GPU_MEMORY, MAX_TOKENS, MEDIAN_TOKENS, Model, PROMPT, SEQUENCES,
    SERVED_MEMORY,
};

const BF16: f64 = 2.0;
/// Memory of a GPU, bytes.
const GPU_BYTES: f64 = 80.0 * (1 << 30) as f64;
/// Groups in flight to a server: `[server] concurrency`.
const CONCURRENCY: usize = 64;

/// The lengths of the responses of a group.
pub type Lengths = Vec<u32>;

/// Decoding speed of a server.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    /// Seconds of a pass for the weights alone,
    weights: f64,
    /// and for each token in the cache.
    cached: f64,
    /// Sequences at once.
    slots: usize,
}

/// The result of a trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// When each group was complete, seconds, in order.
    pub ends: Vec<f64>,
    /// When each response was complete, the earliest first.
    pub responses: Vec<f64>,
    /// Seconds that servers worked, added up.
    pub worked: f64,
}

impl Decoder {
    /// Servers of this many GPUs, whose speed is limited by memory bandwidth.
    pub fn new(model: &Model, gpus: usize) -> Self {
        let weights = BF16 * model.parameters();
        let speed = gpus as f64 * GPU_MEMORY * DECODING;
        let room = gpus as f64 * GPU_BYTES * SERVED_MEMORY - weights;
        // As many as fit the cache at half of the limit, since they do not all reach it at the same time.
        let longest = f64::from(PROMPT + MAX_TOKENS / 2) * model.cached_token;
        let slots = ((room / longest) as usize).clamp(1, SEQUENCES);
        Self { weights: weights / speed, cached: model.cached_token / speed, slots }
    }

    /// Seconds until each of `batch` sequences with `tokens` in the cache has `more` tokens.
    fn seconds(self, batch: usize, tokens: f64, more: f64) -> f64 {
        more * (self.weights + self.cached * (tokens + batch as f64 * more / 2.0))
    }
}

/// Draws the lengths of groups.
pub fn lengths(random: &mut ChaCha8Rng, groups: usize, size: usize) -> Vec<Lengths> {
    let mut length = || {
        // Box and Muller's normal deviate.
        let (radius, angle): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
        let normal = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
        let tokens = MEDIAN_TOKENS * (DEVIATION * normal).exp();
        tokens.clamp(1.0, f64::from(MAX_TOKENS)) as u32
    };
    (0..groups).map(|_| (0..size).map(|_| length()).collect()).collect()
}

/// A response in progress.
struct Sequence {
    group: usize,
    tokens: u32,
    left: u32,
}

#[derive(Default)]
struct Server {
    running: Vec<Sequence>,
    waiting: VecDeque<Sequence>,
    worked: f64,
}

/// The next event of a server, the earliest first.
#[derive(PartialEq)]
struct Event {
    at: f64,
    server: usize,
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.at.total_cmp(&self.at).then(other.server.cmp(&self.server))
    }
}

/// Assigns groups to servers as the orchestrator does: each to one server, the one with the
/// least load.
pub fn trial(groups: &[Lengths], servers: usize, decoder: Decoder) -> Trial {
    let mut pool: Vec<Server> = (0..servers).map(|_| Server::default()).collect();
    let mut missing: Vec<usize> = groups.iter().map(Vec::len).collect();
    let (mut ends, mut responses) = (vec![0.0; groups.len()], Vec::new());
    let mut queue = 0..groups.len();
    // At first all have the same load: round robin.
    for group in queue.by_ref().take(servers * CONCURRENCY) {
        pool[group % servers].take(group, &groups[group]);
    }
    let mut events = BinaryHeap::new();
    for (index, server) in pool.iter_mut().enumerate() {
        if let Some(seconds) = server.begin(decoder) {
            events.push(Event { at: seconds, server: index });
        }
    }
    while let Some(Event { at, server: index }) = events.pop() {
        let server = &mut pool[index];
        for ended in server.finish() {
            responses.push(at);
            missing[ended.group] -= 1;
            if missing[ended.group] == 0 {
                ends[ended.group] = at;
                if let Some(next) = queue.next() {
                    server.take(next, &groups[next]);
                }
            }
        }
        if let Some(seconds) = server.begin(decoder) {
            events.push(Event { at: at + seconds, server: index });
        }
    }
    Trial { ends, responses, worked: pool.iter().map(|server| server.worked).sum() }
}

impl Server {
    fn take(&mut self, group: usize, lengths: &Lengths) {
        let sequence = |&left| Sequence { group, tokens: PROMPT, left };
        self.waiting.extend(lengths.iter().map(sequence));
    }

    /// Advances to the end of the next response. Returns the seconds until then.
    fn begin(&mut self, decoder: Decoder) -> Option<f64> {
        let free = decoder.slots - self.running.len();
        let admitted = free.min(self.waiting.len());
        self.running.extend(self.waiting.drain(..admitted));
        let more = self.running.iter().map(|sequence| sequence.left).min()?;
        let cached: f64 = self.running.iter().map(|sequence| f64::from(sequence.tokens)).sum();
        let seconds = decoder.seconds(self.running.len(), cached, f64::from(more));
        for sequence in &mut self.running {
            sequence.tokens += more;
            sequence.left -= more;
        }
        self.worked += seconds;
        Some(seconds)
    }

    /// The responses that have ended.
    fn finish(&mut self) -> Vec<Sequence> {
        self.running.extract_if(.., |sequence| sequence.left == 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::super::plan::{GROUP, MEAN_TOKENS};
    use super::*;

    fn last(trial: &Trial) -> f64 {
        trial.ends.iter().copied().fold(0.0, f64::max)
    }

    #[test]
    fn responses_are_as_long_as_the_papers() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let all: Vec<u32> = lengths(&mut random, 4096, GROUP).concat();
        let mean = all.iter().map(|&length| f64::from(length)).sum::<f64>() / all.len() as f64;
        assert!((mean / MEAN_TOKENS - 1.0).abs() < 0.02, "{mean}");
    }

    #[test]
    fn a_response_alone_takes_its_tokens_times_a_pass() {
        let decoder = Decoder::new(&Model::qwen3_8b(), 1);
        let found = last(&trial(&[vec![1000]], 3, decoder));
        let mean_cache = f64::from(PROMPT) + 500.0;
        assert!((found - 1000.0 * (decoder.weights + decoder.cached * mean_cache)).abs() < 1e-9);
        // 16 GB of weights at 70 % of 3.35 TB/s: 7 ms.
        assert!((0.0065..0.0075).contains(&decoder.weights), "{}", decoder.weights);
    }

    #[test]
    fn more_servers_never_take_longer_and_do_no_other_work() {
        let decoder = Decoder::new(&Model::qwen3_8b(), 1);
        for seed in 0..5 {
            let groups = lengths(&mut ChaCha8Rng::seed_from_u64(seed), 300, GROUP);
            let mut before = f64::INFINITY;
            for servers in [1, 2, 4, 8, 64, 128, 256, 512] {
                let found = trial(&groups, servers, decoder);
                assert!(found.ends.iter().all(|&end| end > 0.0), "each group ends");
                assert_eq!(found.responses.len(), groups.len() * GROUP);
                assert!(found.responses.is_sorted());
                assert!(last(&found) <= before, "{servers} servers: {} {before}", last(&found));
                before = last(&found);
            }
            // A group is on one server: with more servers than groups some are idle.
            assert_eq!(last(&trial(&groups, 1000, decoder)), before);
        }
    }
}

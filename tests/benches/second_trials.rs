//! The benefit of problems not waiting for each other: `cargo bench -p retrial-tests --bench
//! second_trials`.
//!
//! Steps of 8 and of 64 problems on a simulated server that takes all requests at once. Response times vary
//! tenfold, drawn again for each step. One group of eight has no right response and gets a second
//! trial. A step that waited for all first trials would take the longest first trial and then the
//! longest second one; the best possible is the longest course of a single problem. `RETRIAL=PATH`
//! measures another build of `retrial`, for example one of an earlier commit.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use retrial_tests::{GroupAnswer, GroupRequest, Project, Shape, Simulated, binary};
use tokio::time::timeout;

/// Problems of a step, and measured steps.
const CASES: [(usize, u64); 2] = [(8, 8), (64, 4)];
/// One group of this many has no right response.
const NONE_PASS: usize = 8;
/// Shortest and longest response time, seconds.
const SHORTEST: f64 = 0.5;
const LONGEST: f64 = 5.0;
const DEADLINE: Duration = Duration::from_secs(90);

#[tokio::main]
async fn main() {
    // `cargo test --benches` only asks whether this starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let retrial = std::env::var_os("RETRIAL").map_or_else(|| binary("retrial"), PathBuf::from);
    println!("problems  seed  all wait for all s  best possible s  measured s");
    for (problems, seeds) in CASES {
        let mut sums = [0.0; 3];
        for seed in 0..seeds {
            let (times, seconds) = measure(problems, seed, &retrial).await;
            let (waiting, best) = (times.waiting(), times.best());
            println!("{problems:>8}  {seed:>4}  {waiting:>18.2}  {best:>15.2}  {seconds:>10.2}");
            for (sum, value) in sums.iter_mut().zip([waiting, best, seconds]) {
                *sum += value;
            }
        }
        let [waiting, best, seconds] = sums;
        println!(
            "{problems} problems, of the time with waiting: measured {:.3}, best possible {:.3}",
            seconds / waiting,
            best / waiting
        );
    }
}

/// The response times of a step, seconds: of first trials, and of second ones where there is one.
#[derive(Clone, Debug)]
struct Times(Vec<(f64, Option<f64>)>);

impl Times {
    fn drawn(problems: usize, seed: u64) -> Self {
        let mut generator = StdRng::seed_from_u64(seed);
        // As likely to be between 0.5 and 1 s as between 2.5 and 5.
        let mut draw =
            || (SHORTEST.ln() + generator.random::<f64>() * (LONGEST / SHORTEST).ln()).exp();
        let problem = |number| (draw(), (number % NONE_PASS == 0).then(&mut draw));
        Self((0..problems).map(problem).collect())
    }

    /// With a barrier between the trials.
    fn waiting(&self) -> f64 {
        let longest = |times: &mut dyn Iterator<Item = f64>| times.fold(0.0, f64::max);
        longest(&mut self.0.iter().map(|&(first, _)| first))
            + longest(&mut self.0.iter().filter_map(|&(_, second)| second))
    }

    /// Each problem independently.
    fn best(&self) -> f64 {
        let course = |&(first, second): &(f64, Option<f64>)| first + second.unwrap_or_default();
        self.0.iter().map(course).fold(0.0, f64::max)
    }
}

/// Seconds from the first request of a step to its batch.
async fn measure(problems: usize, seed: u64, retrial: &PathBuf) -> (Times, f64) {
    let shape = Shape { steps: 1, problems, group: 8, tokens: 64 };
    let times = Times::drawn(problems, seed);
    // The prompts of first trials, in the order of arrival.
    let known: Mutex<Vec<Vec<u64>>> = Mutex::default();
    let started = Arc::new(OnceLock::new());
    let (clock, drawn) = (Arc::clone(&started), times.clone());
    let behaviour = move |request: GroupRequest| {
        clock.get_or_init(Instant::now);
        let mut known = known.lock().expect("nothing panics while it is held");
        let prompt = request.prompt;
        // A hinted prompt is longer, and begins like the problem's own prompt.
        let is_second = known.first().is_some_and(|first| prompt.len() > first.len());
        let problem = if is_second {
            let shared =
                |plain: &Vec<u64>| plain.iter().zip(&prompt).take_while(|(a, b)| a == b).count();
            (0..known.len()).max_by_key(|&problem| shared(&known[problem])).expect("it was asked")
        } else {
            known.push(prompt);
            known.len() - 1
        };
        let (first, second) = drawn.0[problem];
        let seconds = if is_second { second.unwrap_or_default() } else { first };
        let at = Instant::now() + Duration::from_secs_f64(seconds);
        GroupAnswer { at, solved: is_second || second.is_none() }
    };
    let mut simulated = Simulated::start(shape, Box::new(behaviour)).await;
    let project = Project::new();
    shape.configure(&project, &simulated.url);
    let mut run = Command::new(retrial)
        .current_dir(project.path(""))
        .args(["run", "run.toml"])
        .stderr(Stdio::null())
        .spawn()
        .expect("retrial can be started");
    let batch = timeout(DEADLINE, simulated.batches.recv()).await.expect("a batch comes in time");
    let at = batch.expect("the trainer stays").at;
    run.kill().expect("it can be killed");
    run.wait().expect("it can be waited for");
    let begun = started.get().expect("rollouts come before a batch");
    (times, at.duration_since(*begun).as_secs_f64())
}

//! The orchestrator's overhead on the time that servers need for rollouts, its CPU time a rollout
//! and its memory: `cargo bench -p retrial-tests --bench rollouts`.
//!
//! Server and trainer are simulated in this process; `retrial run` is a process of its own. All
//! rollouts of the step are in flight at once. They end within the same moment, which is the hardest
//! case, as all of the work that they make comes when nothing hides it, or one after another over the
//! last tenth of the server's time. The time goes from the first request to the batch that the
//! trainer gets, so it holds the step's prompts, decoding, grading and logging too.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use retrial_tests::{
    Arrival, GroupAnswer, GroupRequest, Project, Shape, Simulated, binary, memory_kb,
};
use tokio::time::timeout;

const PROBLEMS: usize = 128;
const GROUP: usize = 8;
/// Speed of a sequence on an 80 GB GPU that serves some thousand of them.
const TOKENS_PER_SECOND: f64 = 50.0;
/// Tokens of a response, and repetitions of each case.
const CASES: [(usize, usize); 2] = [(1000, 3), (8192, 1)];
/// The part of the server's time over which responses end.
const SPREADS: [f64; 2] = [0.0, 0.1];
/// Allowed overhead, as a share of the server's own time.
const GRACE: Duration = Duration::from_secs(90);

#[tokio::main]
async fn main() {
    // `cargo test --benches` only asks whether this starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("{} rollouts at once", PROBLEMS * GROUP);
    println!(
        "tokens  server s  ends over %  overhead %  CPU ms a rollout  most memory MB  batch MB"
    );
    for (tokens, runs) in CASES {
        let shape = Shape { steps: 1, problems: PROBLEMS, group: GROUP, tokens };
        let server_seconds = tokens as f64 / TOKENS_PER_SECOND;
        for spread in SPREADS.into_iter().flat_map(|spread| vec![spread; runs]) {
            let Measured { seconds, cpu_seconds, memory_kb, batch_bytes } =
                measure(shape, server_seconds, spread).await;
            println!(
                "{tokens:>6}  {server_seconds:>8.0}  {:>11.0}  {:>10.2}  {:>16.2}  {:>14.0}  {:>8.1}",
                100.0 * spread,
                100.0 * (seconds / server_seconds - 1.0),
                1e3 * cpu_seconds / (PROBLEMS * GROUP) as f64,
                memory_kb / 1024.0,
                batch_bytes as f64 / 1e6,
            );
        }
    }
}

struct Measured {
    /// From the first request for a rollout to the batch.
    seconds: f64,
    cpu_seconds: f64,
    memory_kb: f64,
    batch_bytes: usize,
}

/// One step of `retrial run`, until the trainer has its batch.
async fn measure(shape: Shape, server_seconds: f64, spread: f64) -> Measured {
    let first_request = Arc::new(OnceLock::new());
    let started = Arc::clone(&first_request);
    let behaviour = move |request: GroupRequest| {
        // The last one takes all of the time.
        let left = PROBLEMS - 1 - request.number;
        let part = 1.0 - spread * left as f64 / PROBLEMS as f64;
        let seconds = Duration::from_secs_f64(part * server_seconds);
        GroupAnswer::solved_at(*started.get_or_init(Instant::now) + seconds)
    };
    let mut simulated = Simulated::start(shape, Box::new(behaviour)).await;
    let project = Project::new();
    shape.configure(&project, &simulated.url);
    let mut run = Command::new(binary("retrial"))
        .current_dir(project.path(""))
        .args(["run", "run.toml"])
        .stderr(Stdio::inherit())
        .spawn()
        .expect("retrial can be started");
    let deadline = GRACE + Duration::from_secs_f64(server_seconds);
    let batch = timeout(deadline, simulated.batches.recv()).await.expect("a batch comes in time");
    let Arrival { at, bytes } = batch.expect("the trainer stays");
    let started = first_request.get().expect("rollouts come before a batch");
    let measured = Measured {
        seconds: at.duration_since(*started).as_secs_f64(),
        cpu_seconds: cpu_seconds(run.id()),
        memory_kb: memory_kb(run.id(), "VmHWM"),
        batch_bytes: bytes,
    };
    run.kill().expect("it can be killed");
    run.wait().expect("it can be waited for");
    measured
}

/// User and system time of a process.
fn cpu_seconds(process: u32) -> f64 {
    // In hundredths, whatever the kernel's own clock: `man 5 proc_pid_stat`.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it lives");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / TICKS_PER_SECOND
}

//! What a slow verifier adds to a step: `cargo bench --workspace --profile dev --bench slow_verdicts`.
//!
//! A simulated server ends the responses of 32 problems one after another over five seconds. A program
//! takes 20 ms for each verdict, with four workers. A step that asked for its verdicts after sampling
//! would take the server's time and then that of all verdicts; the best possible is the server's time
//! and then that of the last group's.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use retrial_tests::{GroupAnswer, GroupRequest, Project, Shape, Simulated, binary};
use tokio::time::timeout;

const PROBLEMS: usize = 32;
const GROUP: usize = 8;
/// Seconds until the server has ended all responses.
const SERVER: f64 = 5.0;
/// Seconds of a verdict, and programs.
const VERDICT: f64 = 0.02;
const WORKERS: usize = 4;
const RUNS: usize = 3;
const DEADLINE: Duration = Duration::from_secs(90);

const PROGRAM: &str = r#"
import json, sys, time
for line in sys.stdin:
    time.sleep(SECONDS)
    print(json.dumps({"id": json.loads(line)["id"], "reward": 1}), flush=True)
"#;

#[tokio::main]
async fn main() {
    // `cargo test --benches` only asks whether this starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let of = |verdicts: usize| verdicts as f64 * VERDICT / WORKERS as f64;
    let (after, best) = (SERVER + of(PROBLEMS * GROUP), SERVER + of(GROUP));
    println!("verdicts after sampling {after:.2} s, best possible {best:.2} s");
    for _ in 0..RUNS {
        let seconds = measure().await;
        println!("measured {seconds:.2} s: {:.3} of the time after sampling", seconds / after);
    }
}

/// Seconds from the first request of a step to its batch.
async fn measure() -> f64 {
    let shape = Shape { steps: 1, problems: PROBLEMS, group: GROUP, tokens: 64 };
    let started = Arc::new(OnceLock::new());
    let clock = Arc::clone(&started);
    let behaviour = move |request: GroupRequest| {
        let part = (request.number + 1) as f64 / PROBLEMS as f64;
        GroupAnswer::solved_at(
            *clock.get_or_init(Instant::now) + Duration::from_secs_f64(SERVER * part),
        )
    };
    let mut simulated = Simulated::start(shape, Box::new(behaviour)).await;
    let project = Project::new();
    shape.configure(&project, &simulated.url);
    let program = PROGRAM.replace("SECONDS", &VERDICT.to_string());
    fs::write(project.path("verify.py"), program).expect("a file can be written");
    let config = fs::read_to_string(project.path("run.toml")).expect("it was written");
    let config = format!(
        "{config}[reward]\nkind = \"command\"\ncommand = [\"python3\", \"verify.py\"]\nworkers = {WORKERS}\n"
    );
    fs::write(project.path("run.toml"), config).expect("a file can be written");
    let mut run = Command::new(binary("retrial"))
        .current_dir(project.path(""))
        .args(["run", "run.toml"])
        .stderr(Stdio::inherit())
        .spawn()
        .expect("retrial can be started");
    let batch = timeout(DEADLINE, simulated.batches.recv()).await.expect("a batch comes in time");
    let at = batch.expect("the trainer stays").at;
    run.kill().expect("it can be killed");
    run.wait().expect("it can be waited for");
    let begun = started.get().expect("rollouts come before a batch");
    at.duration_since(*begun).as_secs_f64()
}

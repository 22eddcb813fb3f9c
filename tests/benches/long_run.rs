//! Whether the memory of a long run stays constant: `cargo bench -p retrial-tests --bench long_run`.
//!
//! Server and trainer are simulated and take no time, so the cost is that of the log of ten thousand
//! steps. The dashboard is on, and its overview is read now and then.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use retrial_tests::{GroupAnswer, Project, Shape, Simulated, binary, memory_kb};
use tokio::time::timeout;

/// The run continues for a while after the last look.
const SHAPE: Shape = Shape { steps: 10_200, problems: 4, group: 8, tokens: 16 };
/// Steps between two looks.
const LOOK_EVERY: u64 = 1000;
const DEADLINE: Duration = Duration::from_secs(90);

#[tokio::main]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut simulated =
        Simulated::start(SHAPE, Box::new(|_| GroupAnswer::solved_at(Instant::now()))).await;
    let project = Project::new();
    SHAPE.configure(&project, &simulated.url);
    let said = std::fs::File::create(project.path("said")).expect("a file can be made");
    let mut run = Command::new(binary("retrial"))
        .current_dir(project.path(""))
        .args(["run", "run.toml", "--set", "dashboard.enabled=true"])
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .expect("retrial can be started");
    println!("  step  steps/s  memory MB  log MB");
    let clock = Instant::now();
    for step in 1..=SHAPE.steps {
        let arrived = timeout(DEADLINE, simulated.batches.recv()).await;
        arrived.expect("a batch comes in time").expect("the trainer stays");
        if step % LOOK_EVERY == 0 {
            overview(&project).await;
            let log = std::fs::metadata(project.path("retrial.db")).expect("there is a log").len();
            println!(
                "{step:>6}  {:>7.0}  {:>9.1}  {:>6.0}",
                step as f64 / clock.elapsed().as_secs_f64(),
                memory_kb(run.id(), "VmRSS") / 1024.0,
                log as f64 / 1e6,
            );
        }
    }
    assert!(run.wait().expect("it can be waited for").success(), "the run fails");
}

/// Reads the run's page.
async fn overview(project: &Project) {
    let said = std::fs::read_to_string(project.path("said")).expect("the run says something");
    let url = said.split_whitespace().find(|word| word.starts_with("http://127.0.0.1"));
    let url = url.unwrap_or_else(|| panic!("no dashboard in:\n{said}"));
    let page = retrial_servers::plain_client()
        .get(format!("{url}runs/test"))
        .send()
        .await
        .expect("it answers");
    assert!(page.status().is_success() && !page.bytes().await.expect("a page").is_empty());
}

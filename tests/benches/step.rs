//! Seconds a step by phase, of the demo's own configuration: `cargo bench -p retrial-tests`.

use retrial_tests::{Project, root, shown};
use sqlx::Row as _;

const STEPS: u32 = 6;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test --benches` only asks whether this starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let project = Project::new();
    let config = root().join("examples/dialects/lte.toml");
    let steps = format!("run.steps={STEPS}");
    let output = project.retrial([
        "run",
        config.to_str().expect("the path is UTF-8"),
        "--set",
        &steps,
        "--set",
        "evaluation.every=0",
    ]);
    assert!(output.status.success(), "{}", shown(&output));

    // The first step warms up libtorch's caches.
    let rows = sqlx::query(
        "SELECT name, avg(value) AS mean, min(value) AS least, max(value) AS most
         FROM step_metrics WHERE step > 1
         AND (name LIKE '%\\_seconds' ESCAPE '\\' OR name LIKE '%\\_trial\\_tokens' ESCAPE '\\')
         GROUP BY name ORDER BY name",
    )
    .fetch_all(&project.log().await)
    .await
    .expect("the log can be read");
    println!("a step of examples/dialects/lte.toml, mean (least to most) of {} steps", STEPS - 1);
    for row in rows {
        let (name, mean): (String, f64) = (row.get("name"), row.get("mean"));
        let (least, most): (f64, f64) = (row.get("least"), row.get("most"));
        println!("  {name:<24} {mean:>10.3}  ({least:.3} to {most:.3})");
    }
}

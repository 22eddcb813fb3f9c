//! The wall clock may jump: nothing depends on it but the times that people read.

use std::path::{Path, PathBuf};
use std::process::Command;

use retrial_tests::{Project, shown};
use sqlx::Row as _;

/// A library under which every process has a wall clock that jumps.
fn jumping_clock(folder: &Path) -> PathBuf {
    let library = folder.join("clock.so");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/clock.c"))
        .status()
        .expect("there is a C compiler");
    assert!(status.success(), "the clock does not compile");
    library
}

#[tokio::test]
async fn a_clock_that_jumps_changes_nothing() {
    let (steady, project) = (Project::new(), Project::new());
    let clock = jumping_clock(&project.path(""));
    let script = format!("LD_PRELOAD={} exec \"$@\"", clock.display());
    let arguments = ["--set", "dashboard.enabled=true", "--set", "dashboard.listen=127.0.0.1:0"];
    // Half of it, and the rest by another process, as if after a reboot.
    let first = [&arguments[..], &["--set", "run.steps=1"]].concat();
    let second = [&arguments[..], &["--resume"]].concat();
    for arguments in [first, second] {
        let output = project.train_under(&script, &arguments);
        assert!(output.status.success(), "{}", shown(&output));
    }
    let output = steady.train(&arguments);
    assert!(output.status.success(), "{}", shown(&output));
    project.ended(2).await.assert_is(&steady.ended(2).await, "a clock that jumps");

    // It did jump.
    let log = project.log().await;
    let query = "SELECT julianday(published_at) FROM weights ORDER BY version";
    let days = sqlx::query(query).fetch_all(&log).await.unwrap();
    let days: Vec<f64> = days.iter().map(|row| row.get(0)).collect();
    let begun = "SELECT julianday(started_at) FROM runs";
    let begun: f64 = sqlx::query_scalar(begun).fetch_one(&log).await.unwrap();
    assert!(days.iter().any(|day| (day - begun).abs() > 0.9), "{begun} {days:?}");
}

//! Disks that are full or cannot be written, logs that are locked, files that may not be opened: a
//! run waits, or stops and says what it needs. What it has written is whole, and once it has what it
//! needs it goes on to the same end.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use retrial_tests::{Ended, Project, shown};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// A shell script with a file system of its own in `disk`. Its arguments are `retrial run ...`.
fn with_a_disk(size: &str, script: &str) -> String {
    let script = format!("mkdir disk; mount -t tmpfs -o size={size} none disk\n{script}");
    // Whoever is not allowed to mount is allowed to in a namespace of their own.
    format!("exec unshare --mount --map-root-user sh -c '{script}' sh \"$@\"")
}

/// Whether the system lets a test have a file system of its own. It does not everywhere: some
/// containers, and some systems for whoever is not root.
fn may_mount() -> bool {
    let project = Project::new();
    let tried = project.train_under(&with_a_disk("1m", "true"), &[]);
    if !tried.status.success() {
        println!("not run: this system does not let a test mount: {}", shown(&tried));
    }
    tried.status.success()
}

/// Where the log is in these scripts.
const LOG: &str = "disk/retrial.db";
const ON_THE_DISK: [&str; 2] = ["--set", "run.database=disk/retrial.db"];

/// How a run ends that nothing happens to.
async fn expected() -> &'static Ended {
    static EXPECTED: OnceCell<Ended> = OnceCell::const_new();
    let run = async || {
        let project = Project::new();
        let (output, project) =
            spawn_blocking(move || (project.train(&[]), project)).await.unwrap();
        assert!(output.status.success(), "{}", shown(&output));
        project.ended(2).await
    };
    EXPECTED.get_or_init(run).await
}

async fn open(log: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(log).connect().await.expect("the log can be opened")
}

async fn assert_sound(log: &Path) {
    let check = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut open(log).await).await;
    assert_eq!(check.unwrap_or_else(|error| error.to_string()), "ok");
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whatever it is that finds the disk full: the schema, the problems, an evaluation, rollouts.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_has_no_room() {
    if !may_mount() {
        return;
    }
    for size in ["100k", "600k", "1200k", "1300k"] {
        let script = with_a_disk(
            size,
            "\"$@\" && exit 9\n\
             cp -a disk full\n\
             mount -o remount,size=64m disk\n\
             \"$@\" --resume && cp disk/retrial.db .",
        );
        let project = Project::new();
        let output = project.train_under(&script, &ON_THE_DISK);
        assert!(output.status.success(), "{size}: {}", shown(&output));
        let error = error_of(&output);
        assert!(error.contains(LOG) && error.contains("the disk is full; make room"), "{error}");
        assert_sound(&project.path("full/retrial.db")).await;
        project.ended(2).await.assert_is(expected().await, size);
    }
}

#[tokio::test]
async fn versions_that_have_no_room() {
    if !may_mount() {
        return;
    }
    let project = Project::new();
    // Room for the first version and the moments of none.
    let script = with_a_disk(
        "3m",
        "\"$@\" && exit 9\n\
         ls -A disk/runs/test > left\n\
         mount -o remount,size=64m disk\n\
         \"$@\" --resume && cp -a disk/runs .",
    );
    let output = project.train_under(&script, &["--set", "run.folder=disk/runs"]);
    assert!(output.status.success(), "{}", shown(&output));
    let error = error_of(&output);
    assert!(error.contains("the disk has") && error.contains("hint: make room"), "{error}");
    let left = std::fs::read_to_string(project.path("left")).unwrap();
    assert!(!left.lines().any(|name| name.starts_with('.')), "nothing half-written stays: {left}");
    assert_sound(&project.path("retrial.db")).await;
    assert!(project.weights(2) == expected().await.weights, "the weights differ");
}

#[tokio::test]
async fn a_disk_that_cannot_be_written() {
    if !may_mount() {
        return;
    }
    let project = Project::new();
    let script = with_a_disk(
        "64m",
        "\"$@\" --set run.steps=1 || exit 8\n\
         mount -o remount,ro disk\n\
         \"$@\" --resume && exit 9\n\
         \"$1\" mistakes --db disk/retrial.db --limit 3 || exit 7\n\
         mount -o remount,rw disk\n\
         \"$@\" --resume && cp disk/retrial.db .",
    );
    let output = project.train_under(&script, &ON_THE_DISK);
    assert!(output.status.success(), "{}", shown(&output));
    let error = error_of(&output);
    assert!(error.contains("Read-only file system") && error.contains("hint: a run"), "{error}");
    assert_sound(&project.path("retrial.db")).await;
    project.ended(2).await.assert_is(expected().await, "a read-only disk");
}

/// A backup or a person in the database's own shell may lock a log for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_another_process_has_locked() {
    let project = Project::new();
    let first = project.train(&["--set", "run.steps=1"]);
    assert!(first.status.success(), "{}", shown(&first));
    let mut other = open(&project.path("retrial.db")).await;
    let lock = async |other: &mut SqliteConnection, sql: &'static str| {
        sqlx::query(sql).execute(other).await.unwrap();
    };
    lock(&mut other, "BEGIN IMMEDIATE").await;
    let run = project.start(&["--resume"]);
    let stopped = spawn_blocking(move || run.output()).await.unwrap();
    assert!(!stopped.status.success(), "{}", shown(&stopped));
    let error = error_of(&stopped);
    assert!(error.contains("hint: another process keeps writing to it"), "{error}");
    lock(&mut other, "ROLLBACK").await;
    assert_sound(&project.path("retrial.db")).await;

    // Not for as long: the run waits. It claims its name before it opens the log.
    lock(&mut other, "BEGIN IMMEDIATE").await;
    let mut run = project.start(&["--resume"]);
    // What it claims by is there as long as it has it.
    let claim = project.path("retrial.test.lock");
    while !claim.exists() {
        assert!(!run.has_ended(), "{}", shown(&run.output()));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    lock(&mut other, "ROLLBACK").await;
    let output = spawn_blocking(move || run.output()).await.unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    project.ended(2).await.assert_is(expected().await, "a locked log");
    assert!(!claim.exists(), "it is taken away");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_open_files() {
    let project = Project::new();
    let refused = project.train_under("ulimit -n 256; exec \"$@\"", &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", shown(&refused));
    let error = error_of(&refused);
    assert!(error.contains("this process may have 256") && error.contains("hint: `ulimit -n 464`"));
    let left: Vec<_> = std::fs::read_dir(project.path("")).unwrap().collect();
    assert!(left.is_empty(), "nothing is written: {left:?}");
    // What a system allows only if it is asked for is asked for.
    let output = project.train_under("ulimit -Sn 64; exec \"$@\"", &[]);
    assert!(output.status.success(), "{}", shown(&output));
    project.ended(2).await.assert_is(expected().await, "a low limit");
}

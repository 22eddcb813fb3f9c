//! What an earlier release wrote is taken up by the present one: `fixtures/VERSION` has a run of two
//! steps, its log and its checkpoint.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use retrial_tests::{Project, root, shown};
use serde_json::Value;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// The folders of the releases.
fn releases() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/fixtures")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let releases: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    assert!(!releases.is_empty());
    releases
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// The output of a command that succeeds.
fn succeeds(project: &Project, arguments: &[&str]) -> String {
    let output = project.retrial(arguments.iter().copied());
    assert!(output.status.success(), "{arguments:?}: {}", shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The log has the mistakes that the release saw in it, in the fields that they had then.
fn assert_has_mistakes(project: &Project, release: &Path) {
    let recorded = fs::read_to_string(release.join("mistakes.jsonl")).unwrap();
    let asked = ["mistakes", "--db", "log.sqlite", "--limit", "1000", "--json"];
    let found = succeeds(project, &asked);
    assert_eq!(found.lines().count(), recorded.lines().count());
    assert!(found.lines().count() > 10, "{found}");
    for (found, recorded) in found.lines().zip(recorded.lines()) {
        let found: Value = serde_json::from_str(found).unwrap();
        let recorded: BTreeMap<String, Value> = serde_json::from_str(recorded).unwrap();
        for (field, value) in recorded {
            assert_eq!(found[&field], value, "{field} of {found}");
        }
    }
}

/// Takes settings out of the log, as if the release had not known them.
async fn forget(project: &Project, settings: &[&str]) {
    let options = SqliteConnectOptions::new().filename(project.path("log.sqlite"));
    let mut log = SqliteConnection::connect_with(&options).await.unwrap();
    for setting in settings {
        let forgotten = sqlx::query(
            "UPDATE runs SET config = json_remove(config, ?1) \
             WHERE json_type(config, ?1) IS NOT NULL",
        );
        let done = forgotten.bind(setting).execute(&mut log).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{setting}");
    }
    log.close().await.unwrap();
}

/// The trainer's record of a version.
fn record(version: &Path) -> Value {
    serde_json::from_slice(&fs::read(version.join("trainer/record.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn a_run_of_an_earlier_release_goes_on() {
    for release in releases() {
        let project = Project::new();
        copy(&release, &project.path("."));
        // Nothing is left to do but to bring the log up to date.
        succeeds(&project, &["run", "run.toml", "--resume"]);
        assert_has_mistakes(&project, &release);
        let report = succeeds(&project, &["report", "first", "--db", "log.sqlite"]);
        assert!(report.contains("| steps | 2 |"), "{report}");
        let dashboard = project.dashboard(&["--db", "log.sqlite"]);
        let page = reqwest::get(format!("{}/runs/first/steps/2", dashboard.url)).await.unwrap();
        assert_eq!(page.status(), 200);

        let (before, after) = ("runs/first/v000002", "runs/first/v000003");
        let (begun, weights) = (record(&release.join(before)), "model.safetensors");
        succeeds(&project, &["run", "run.toml", "--resume", "--set", "run.steps=3"]);
        let taken = record(&project.path(after));
        assert_eq!(taken["version"], 3);
        // The moments are those of the checkpoint, moved on.
        let steps = |record: &Value| record["optimizer_steps"].as_u64().unwrap();
        assert!(steps(&taken) > steps(&begun) && steps(&begun) > 0, "{begun} {taken}");
        let read = |folder: PathBuf| fs::read(folder.join(weights)).unwrap();
        assert!(read(project.path(after)) != read(release.join(before)), "nothing was learned");
        let report = succeeds(&project, &["report", "first", "--db", "log.sqlite"]);
        assert!(report.contains("| steps | 3 |"), "{report}");
    }
}

#[tokio::test]
async fn a_run_goes_on_under_settings_that_its_release_did_not_know() {
    for release in releases() {
        let project = Project::new();
        copy(&release, &project.path("."));
        forget(&project, &["$.server.tolerance", "$.objective.kl", "$.prompts"]).await;
        succeeds(&project, &["run", "run.toml", "--resume"]);
        // What is not the default was not done before.
        let other = ["run", "run.toml", "--resume", "--set", "server.tolerance=0.5"];
        let output = project.retrial(other);
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        assert!(shown(&output).contains("server.tolerance"), "{}", shown(&output));
    }
}

//! Helpers of the end-to-end tests: the real binaries, a project folder, and the log of a run.

mod breaking;
mod browser;
mod conformance;
mod ended;
mod fault;
mod http;
mod programs;
mod proxy;
mod service;
mod simulated;
mod watched;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{Column, ConnectOptions, Row, SqlitePool, TypeInfo, ValueRef};
use tempfile::TempDir;

use programs::kill;

pub use breaking::Breaking;
pub use browser::Browser;
pub use ended::Ended;
pub use watched::Watched;

pub use conformance::Server;
pub use fault::{Fault, ROLLOUTS};
pub use http::{KEY, get, post};
pub use programs::{binary, root};
pub use proxy::Proxy;
pub use service::Service;
pub use simulated::{Arrival, GroupAnswer, GroupRequest, Shape, Simulated};

/// A measure of a process's memory by its name in `/proc/PID/status`, kB.
pub fn memory_kb(process: u32, measure: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find(|line| line.starts_with(measure)).expect("Linux says it");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// A working directory of its own for a run on the dialects world.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty project.
    #[allow(clippy::new_without_default)] // it makes a folder
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `retrial ARGUMENTS`, in the project's folder.
    pub fn retrial<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        Command::new(binary("retrial"))
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .args(arguments)
            .output()
            .expect("retrial can be started")
    }

    /// `retrial run` on the demo world, small enough for a test.
    pub fn train(&self, arguments: &[&str]) -> Output {
        self.retrial(training(arguments).iter().map(String::as_str))
    }

    /// `retrial run` with a configuration other than the demo's.
    pub fn train_by(&self, config: &Path, arguments: &[&str]) -> Output {
        self.retrial(training_by(config, arguments).iter().map(String::as_str))
    }

    /// `retrial run` as in [`Self::train`], left running.
    pub fn start(&self, arguments: &[&str]) -> Running {
        self.start_with(arguments, &[])
    }

    /// `retrial run`, left running, with additional variables in its environment.
    pub fn start_with(&self, arguments: &[&str], environment: &[(&str, &Path)]) -> Running {
        let child = Command::new(binary("retrial"))
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .args(training(arguments))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("retrial can be started");
        Running { child }
    }

    /// Waits until a rollout of a step is in the log.
    pub async fn wait_for_rollouts(&self, step: i64) {
        let deadline = Instant::now() + Duration::from_mins(2);
        let count = async || -> Result<i64, sqlx::Error> {
            let options =
                SqliteConnectOptions::new().filename(self.path("retrial.db")).read_only(true);
            let mut log = options.connect().await?;
            sqlx::query_scalar("SELECT count(*) FROM rollouts WHERE step = ?")
                .bind(step)
                .fetch_one(&mut log)
                .await
        };
        // There is no log at first.
        while !count().await.is_ok_and(|rollouts| rollouts > 0) {
            assert!(Instant::now() < deadline, "step {step} has no rollouts");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// `retrial run`, left running, with its dashboard on a free port.
    pub fn train_watched(&self, arguments: &[&str]) -> Watched {
        let dashboard =
            ["--set", "dashboard.enabled=true", "--set", "dashboard.listen=127.0.0.1:0"];
        self.watched_with_token("", &[&dashboard, arguments].concat())
    }

    /// `retrial run` with a dashboard whose token is in the environment, if it is not empty.
    pub fn watched_with_token(&self, token: &str, arguments: &[&str]) -> Watched {
        Watched::start(self.folder.path(), &training(arguments), token)
    }

    /// `retrial dashboard` over the log, on a free port.
    pub fn dashboard(&self, arguments: &[&str]) -> Watched {
        let all = ["dashboard", "--listen", "127.0.0.1:0"].into_iter();
        let all: Vec<String> = all.chain(arguments.iter().copied()).map(str::to_owned).collect();
        Watched::start(self.folder.path(), &all, "")
    }

    /// A dashboard that a shell script starts; the script gets the command as its arguments.
    pub fn train_under(&self, script: &str, arguments: &[&str]) -> Output {
        Command::new("sh")
            .current_dir(self.folder.path())
            .args(["-c", script, "sh"])
            .arg(binary("retrial"))
            .args(training(arguments))
            .output()
            .expect("a shell can be started")
    }

    /// Waits until no process uses the folder.
    pub async fn wait_for_nobody(&self) {
        let folder = self.folder.path();
        let works_there = |process: &std::fs::DirEntry| {
            std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == folder)
        };
        let deadline = Instant::now() + Duration::from_mins(3);
        let processes = || std::fs::read_dir("/proc").expect("there are processes").flatten();
        while processes().any(|process| works_there(&process)) {
            assert!(Instant::now() < deadline, "a process was left behind");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A connection to the mistake log.
    pub async fn log(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new().filename(self.path("retrial.db")).read_only(true);
        SqlitePoolOptions::new().connect_with(options).await.expect("the log can be opened")
    }

    /// Everything in the log that must be equal for two runs of the same configuration: all
    /// rows of all tables, without the columns with times, and without what was found of the servers'
    /// weights, which depends on the servers.
    pub async fn log_content(&self) -> Vec<String> {
        let log = self.log().await;
        let tables: Vec<(String,)> = sqlx::query_as(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             AND name NOT LIKE '%fts%' AND name <> '_sqlx_migrations' \
             AND name NOT IN ('processes', 'notices') ORDER BY name",
        )
        .fetch_all(&log)
        .await
        .expect("the schema can be read");
        let mut content = Vec::new();
        for (table,) in tables {
            let query = sqlx::AssertSqlSafe(format!("SELECT * FROM {table}"));
            let rows = sqlx::query(query).fetch_all(&log).await.expect("a table can be read");
            let mut lines: Vec<String> = rows
                .iter()
                .map(|row| format!("{table}: {}", show(row)))
                .filter(|line| {
                    ["_seconds\"", "weights_evidence", "wrong_weights"]
                        .iter()
                        .all(|differs| !line.contains(differs))
                })
                .collect();
            lines.sort_unstable();
            content.extend(lines);
        }
        content
    }

    /// The folder of a version of the run `test`.
    pub fn version(&self, version: u64) -> String {
        let folder = self.path(&format!("runs/test/v{version:06}"));
        folder.to_str().expect("the path is UTF-8").to_owned()
    }

    /// The weights of a version of the run `test`: its file, or the files of all ranks in order.
    pub fn weights(&self, version: u64) -> Vec<u8> {
        let folder = self.version(version);
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.expect("it can be listed").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
            .collect();
        files.sort_unstable();
        assert!(!files.is_empty(), "{folder} has no weights");
        let read = |file| std::fs::read(file).expect("it can be read");
        files.iter().flat_map(read).collect()
    }
}

/// A running run.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// Sends a signal to the process of this name that the run has started; returns whether there was
    /// one.
    pub fn signal_child(&self, name: &str, signal: &str) -> bool {
        self.children()
            .find(|child| is_named(child, name))
            .is_some_and(|child| kill(signal, &child))
    }

    /// Sends a signal to a rank of the trainer; returns whether there was one.
    pub fn signal_rank(&self, rank: usize, signal: &str) -> bool {
        let variable = format!("RANK={rank}");
        let is_it = |child: &String| {
            let environment = std::fs::read_to_string(format!("/proc/{child}/environ"));
            is_named(child, "retrial-trainer")
                && environment.is_ok_and(|all| all.split('\0').any(|one| one == variable))
        };
        self.children().find(is_it).is_some_and(|child| kill(signal, &child))
    }

    /// The processes that the run has started.
    fn children(&self) -> impl Iterator<Item = String> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let children = threads
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
        let words =
            |text: String| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        children.flat_map(words)
    }

    /// Sends the run a signal.
    pub fn signal(&self, signal: &str) {
        assert!(kill(signal, &self.child.id().to_string()), "the run has ended already");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits for the end of the run.
    pub fn output(self) -> Output {
        self.child.wait_with_output().expect("the run can be waited for")
    }
}

fn is_named(process: &str, name: &str) -> bool {
    let comm = std::fs::read_to_string(format!("/proc/{process}/comm"));
    comm.is_ok_and(|comm| comm.trim() == name)
}

fn training(arguments: &[&str]) -> Vec<String> {
    // A quarter of the problems: most of a short run's time is its evaluations.
    let held_out = ["new", "known"].map(|set| {
        let path = root().join("tests/heldout").join(set).with_extension("jsonl");
        format!("data.heldout.{set}={}", path.display())
    });
    let held_out = held_out.iter().flat_map(|setting| ["--set", setting]);
    let all: Vec<&str> = held_out.chain(arguments.iter().copied()).collect();
    training_by(&root().join("examples/dialects/lte.toml"), &all)
}

fn training_by(config: &Path, arguments: &[&str]) -> Vec<String> {
    let small = [
        "run.steps=2",
        "run.name=test",
        "rollout.problems=12",
        "rollout.group=4",
        "rollout.extra=4",
        "evaluation.every=1",
        "evaluation.k=2",
        "dashboard.enabled=false",
    ];
    let sets = small.iter().flat_map(|setting| ["--set", setting]);
    let config = config.to_str().expect("the path is UTF-8");
    let all = ["run", config].into_iter().chain(sets).chain(arguments.iter().copied());
    all.map(str::to_owned).collect()
}

/// A row as text, without columns with times. A metric's name is quoted, so that those of durations
/// can be recognised.
fn show(row: &SqliteRow) -> String {
    let timeless = |name: &str| !name.ends_with("_at") && !name.ends_with("_seconds");
    let columns = row.columns().iter().filter(|column| timeless(column.name()));
    let shown = columns.map(|column| {
        let value = row.try_get_raw(column.ordinal()).expect("the column exists");
        let text = match value.type_info().name() {
            "NULL" => "NULL".into(),
            "INTEGER" | "BOOLEAN" => row.get::<i64, _>(column.ordinal()).to_string(),
            "REAL" => format!("{:?}", row.get::<f64, _>(column.ordinal())),
            "BLOB" => format!("{:?}", row.get::<Vec<u8>, _>(column.ordinal())),
            _ => format!("{:?}", row.get::<String, _>(column.ordinal())),
        };
        format!("{}={text}", column.name())
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The output of a command, for a failed assertion.
pub fn shown(output: &Output) -> String {
    format!(
        "exit {:?}\n--- stdout\n{}--- stderr\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

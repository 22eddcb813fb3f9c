//! Ranks as processes, one of which crashes or hangs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use retrial_native::testing::free_port;
use retrial_protocol::TrainRequest;
use tempfile::tempdir;

use super::fixture::{Policy, fixed, of, same_files, train};
use crate::common::base;

/// A trainer's process that ends with the test.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Its exit code; none if a signal ended it.
    pub fn exit(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it has not ended: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its output.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

/// Processes that a launcher has started, and where rank 0 serves.
pub struct Processes {
    pub ranks: Vec<Process>,
    pub url: String,
}

impl Processes {
    /// Starts this many over one folder of versions; rank `other` has more arguments.
    pub fn start(
        world: usize,
        folder: &Path,
        timeout: u64,
        (other, more): (usize, &[&str]),
    ) -> Self {
        let (meeting, port) = (free_port().to_string(), free_port().to_string());
        let start = |rank: usize| {
            let log = folder.join(format!("rank-{rank}.log"));
            let child = Command::new(env!("CARGO_BIN_EXE_retrial-trainer"))
                .args(["serve", "--port", &port, "--rank-timeout", &timeout.to_string()])
                .arg("--model")
                .arg(base())
                .arg("--versions")
                .arg(folder)
                .args(if rank == other { more } else { &[] })
                .env("RANK", rank.to_string())
                .env("WORLD_SIZE", world.to_string())
                .env("MASTER_ADDR", "127.0.0.1")
                .env("MASTER_PORT", &meeting)
                .stdout(Stdio::null())
                .stderr(File::create(&log).unwrap())
                .spawn();
            Process { child: child.unwrap(), log }
        };
        let ranks = (0..world).map(start).collect();
        Self { ranks, url: format!("http://127.0.0.1:{port}") }
    }

    pub async fn ready(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while retrial_servers::plain_client()
            .get(format!("{}/state", self.url))
            .send()
            .await
            .is_err()
        {
            assert!(Instant::now() < deadline, "it serves: {}", self.ranks[0].log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes them take a step.
    pub async fn train(&self, request: &TrainRequest) {
        let answer = ask(self.url.clone(), request.clone()).await;
        assert!(matches!(answer, Some((200, _))), "{answer:?} {}", self.ranks[0].log());
    }
}

/// The answer to a step, with its status; none if rank 0 has ended.
pub async fn ask(url: String, request: TrainRequest) -> Option<(u16, String)> {
    let post = retrial_servers::plain_client().post(format!("{url}/train")).json(&request);
    let answer = post.send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.unwrap()))
}

/// Where a rank fails, which one, and how.
const FAULTS: [(&str, usize, &str); 9] = [
    ("before-train@2", 1, "--crash-at"),
    ("mid-backward@2", 1, "--crash-at"),
    ("mid-backward@2", 1, "--stop-at"),
    ("mid-reduce@2", 1, "--crash-at"),
    ("mid-reduce@2", 1, "--stop-at"),
    ("after-train@2", 1, "--crash-at"),
    ("mid-write@2", 1, "--crash-at"),
    ("mid-write@2", 0, "--crash-at"),
    ("mid-write@2", 0, "--stop-at"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rank_that_fails_ends_the_step_on_all_and_a_restart_ends_the_same() {
    const WORLD: usize = 3;
    const TIMEOUT: u64 = 3;
    let steps = fixed(1..=2);
    let expected = tempdir().unwrap();
    let policy = Policy { bucket: None, ..Policy::default() };
    of(&policy, WORLD, expected.path(), |trainer| train(trainer, &steps));
    for (point, failing, fault) in FAULTS {
        let folder = tempdir().unwrap();
        let mut broken =
            Processes::start(WORLD, folder.path(), TIMEOUT, (failing, &[fault, point]));
        broken.ready().await;
        broken.train(&steps[0]).await;
        let clock = Instant::now();
        let asked = tokio::spawn(ask(broken.url.clone(), steps[1].clone()));
        if failing != 0 {
            let (status, error) = asked.await.unwrap().expect("rank 0 answers");
            assert!(status == 500 && error.contains("rank 0 of 3: "), "{point}: {status} {error}");
        }
        for rank in (0..WORLD).filter(|rank| *rank != failing) {
            let process = &mut broken.ranks[rank];
            assert_eq!(process.exit(), Some(1), "{point}, rank {rank}: {}", process.log());
            let said = process.log();
            assert!(said.contains(&format!("rank {rank} of 3: ")), "{point}: {said}");
            // Rank 0 knows who. A rank that was computing all the time may be named too.
            let silent = said.split_once("; rank").and_then(|(_, rest)| rest.split_once(" silent"));
            let named = silent.is_some_and(|(ranks, _)| ranks.contains(&failing.to_string()));
            assert_eq!(named, rank == 0, "{point}: {said}");
        }
        assert!(clock.elapsed() < Duration::from_secs(20), "{point}: {:?}", clock.elapsed());
        drop(broken);

        let again = Processes::start(WORLD, folder.path(), TIMEOUT, (0, &[]));
        again.ready().await;
        again.train(&steps[1]).await;
        same_files(expected.path(), folder.path(), 2);
    }
}

#[tokio::test]
async fn idle_ranks_are_in_touch_and_end_together() {
    let folder = tempdir().unwrap();
    let mut ranks = Processes::start(2, folder.path(), 2, (0, &[]));
    ranks.ready().await;
    // More time than the time-out passes and nothing happens.
    tokio::time::sleep(Duration::from_secs(4)).await;
    ranks.train(&fixed(1..=1)[0]).await;
    // When rank 0 is told to end, it ends the other one too.
    ranks.ranks[0].signal("-TERM");
    for rank in &mut ranks.ranks {
        assert_eq!(rank.exit(), Some(0), "{}", rank.log());
    }
}

#[tokio::test]
async fn a_rank_that_hangs_while_idle_ends_all_after_the_time_out() {
    let folder = tempdir().unwrap();
    let mut ranks = Processes::start(2, folder.path(), 2, (0, &[]));
    ranks.ready().await;
    ranks.ranks[1].signal("-STOP");
    // No request is sent.
    let [first, _] = &mut ranks.ranks[..] else { unreachable!("there are two") };
    assert_eq!(first.exit(), Some(1), "{}", first.log());
    assert!(first.log().contains("rank 0 of 2: "), "{}", first.log());
}

//! A trainer of several ranks: whichever of them dies or hangs, the run says which one it was, starts
//! all of them again, and ends as if nothing had happened.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use retrial_tests::{Ended, Project, Running, binary, root, shown};
use serde_json::Value;
use tokio::sync::OnceCell;

const RANKS: [&str; 2] = ["--set", "trainer.ranks=2"];

/// How a run ended that has left no process behind.
async fn ended(project: &Project) -> Ended {
    project.wait_for_nobody().await;
    project.ended(2).await
}

/// How a run on two ranks ends that nothing happens to.
async fn expected() -> &'static Ended {
    static EXPECTED: OnceCell<Ended> = OnceCell::const_new();
    let run = async || {
        let project = Project::new();
        let output = project.train(&RANKS);
        assert!(output.status.success(), "{}", shown(&output));
        ended(&project).await
    };
    EXPECTED.get_or_init(run).await
}

async fn assert_as_expected(project: &Project, fault: &str) {
    ended(project).await.assert_is(expected().await, fault);
}

/// What a run that succeeded has told.
fn told(output: &Output) -> String {
    assert!(output.status.success(), "{}", shown(output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn with<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&RANKS, arguments].concat()
}

#[tokio::test]
async fn a_rank_that_dies_in_an_update() {
    for point in ["before-train@2", "after-train@2"] {
        let project = Project::new();
        let told = told(&project.train(&with(&["--trainer-crash-at", point])));
        let expected = "retrial-trainer crashed (rank 1 of 2: signal: 6 (SIGABRT)";
        assert!(told.contains(expected) && told.contains("test/trainer.1.log"), "{told}");
        assert_as_expected(&project, point).await;
    }
}

#[tokio::test]
async fn ranks_that_are_killed() {
    let project = Project::new();
    let run = project.start(&RANKS);
    for (rank, step) in [(1, 1), (0, 2)] {
        project.wait_for_rollouts(step).await;
        assert!(run.signal_rank(rank, "KILL"), "there was no rank {rank} in step {step}");
    }
    let told = told(&run.output());
    for rank in [0, 1] {
        let expected = format!("retrial-trainer crashed (rank {rank} of 2: signal: 9 (SIGKILL)");
        assert!(told.contains(&expected), "{told}");
    }
    assert_as_expected(&project, "kills of both ranks").await;
}

#[tokio::test]
async fn a_rank_that_hangs() {
    let project = Project::new();
    let run = project.start(&with(&["--set", "trainer.rank_timeout_seconds=6"]));
    project.wait_for_rollouts(1).await;
    assert!(run.signal_rank(1, "STOP"), "there was no rank 1");
    let told = told(&run.output());
    let expected = "(rank 1 of 2: it did not end with the others, and was killed)";
    assert!(told.contains(expected), "{told}");
    assert_as_expected(&project, "a rank that stood still").await;
}

/// Kills a rank whenever there is one, until the run gives up.
async fn keep_killing(mut run: Running) -> Output {
    while !run.has_ended() {
        run.signal_rank(1, "KILL");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    run.output()
}

#[tokio::test]
async fn ranks_that_keep_dying_end_the_run_and_fewer_go_on() {
    let project = Project::new();
    let run = project.start(&RANKS);
    project.wait_for_rollouts(2).await;
    let output = keep_killing(run).await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(error.contains("rank 1 of 2: signal: 9 (SIGKILL)"), "{error}");
    assert!(error.contains(": --resume --set trainer.ranks=N"), "{error}");
    project.wait_for_nobody().await;

    told(&project.train(&["--resume", "--set", "trainer.ranks=1"]));
    let found = ended(&project).await;
    let apart = difference(&found.weights, &expected().await.weights);
    assert!(apart > 0.0 && apart < 1e-6, "rounding sets the second step apart: {apart:e}");
    let rollouts = |log: &[String]| log.iter().filter(|row| row.starts_with("rollouts:")).count();
    assert_eq!(rollouts(&found.log), rollouts(&expected().await.log));
}

/// How far weights are from others, over how large they are, however they lie in files.
fn difference(ours: &[u8], theirs: &[u8]) -> f64 {
    let (ours, theirs) = (tensors(ours), tensors(theirs));
    assert!(ours.keys().eq(theirs.keys()), "other tensors");
    let (ours, theirs) = (ours.values().flatten(), theirs.values().flatten());
    let apart: f64 = ours.zip(theirs.clone()).map(|(ours, theirs)| (ours - theirs).powi(2)).sum();
    (apart / theirs.map(|number| number.powi(2)).sum::<f64>()).sqrt()
}

/// The numbers of safetensors files in f32, one file after another.
fn tensors(mut files: &[u8]) -> BTreeMap<String, Vec<f64>> {
    let mut all = BTreeMap::new();
    while !files.is_empty() {
        let (length, rest) = files.split_at(8);
        let (header, data) = rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
        let header: BTreeMap<String, Value> = serde_json::from_slice(header).unwrap();
        let mut end = 0;
        for (name, tensor) in header.into_iter().filter(|(name, _)| name != "__metadata__") {
            let offset = |at: usize| tensor["data_offsets"][at].as_u64().unwrap() as usize;
            let number = |bytes: &[u8]| f64::from(f32::from_le_bytes(bytes.try_into().unwrap()));
            all.insert(name, data[offset(0)..offset(1)].chunks_exact(4).map(number).collect());
            end = end.max(offset(1));
        }
        files = &data[end..];
    }
    all
}

#[tokio::test]
async fn no_rank_outlives_a_run_that_is_killed() {
    let project = Project::new();
    let run = project.start(&RANKS);
    project.wait_for_rollouts(1).await;
    run.signal("KILL");
    drop(run.output());
    project.wait_for_nobody().await;
}

/// Ranks that somebody else starts, where the run finds them.
struct Elsewhere {
    meeting: u16,
    port: u16,
    ranks: Vec<Child>,
}

impl Elsewhere {
    fn start(&mut self, versions: &Path) {
        let start = |rank: u32| {
            Command::new(binary("retrial-trainer"))
                .args(["serve", "--exit-with-stdin", "--port", &self.port.to_string()])
                .arg("--model")
                .arg(root().join("examples/dialects/base"))
                .arg("--versions")
                .arg(versions)
                .envs([("RANK", rank), ("WORLD_SIZE", 2)].map(|(name, n)| (name, n.to_string())))
                .envs([("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", &self.meeting.to_string())])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the trainer can be started")
        };
        self.ranks = [0, 1].map(start).into();
    }

    /// The exit code of a rank, once it has ended.
    async fn ended(&mut self, rank: usize) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            // To wait for it would close its standard input.
            if let Some(status) = self.ranks[rank].try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "rank {rank} has not ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        for rank in &mut self.ranks {
            rank.kill().ok();
            rank.wait().ok();
        }
    }
}

#[tokio::test]
async fn ranks_elsewhere_are_waited_for() {
    let project = Project::new();
    let versions = project.path("runs/test");
    std::fs::create_dir_all(&versions).unwrap();
    // Not of those that are given to whoever asks for any.
    let meeting = 30_000 + (std::process::id() % 1000) as u16 * 2;
    let mut ranks = Elsewhere { meeting, port: meeting + 1, ranks: Vec::new() };
    ranks.start(&versions);
    let url = format!("trainer.url=http://127.0.0.1:{}", ranks.port);
    let run = project.start(&["--set", &url]);
    project.wait_for_rollouts(1).await;
    ranks.ranks[1].kill().unwrap();
    // Rank 0 answers with what it has lost, and ends.
    assert_eq!(ranks.ended(0).await, Some(1));
    ranks.start(&versions);
    let told = told(&run.output());
    assert!(told.contains("rank 0 of 2: "), "{told}");
    drop(ranks);
    assert_as_expected(&project, "ranks elsewhere that were started again").await;
}

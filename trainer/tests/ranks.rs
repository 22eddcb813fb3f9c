//! Several ranks: threads that train together, and processes of which one dies or hangs.

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use common::{base, batch, request};
use retrial_native::c10d::Meeting;
use retrial_protocol::{Batch, Objective, Part, TrainMetrics, TrainRequest};
use retrial_trainer::compute::Compute;
use retrial_trainer::model::Decoder;
use retrial_trainer::ranks::{Place, Ranks};
use retrial_trainer::trainer::{Trainer, TrainerError};
use tch::{Device, Kind, Tensor};
use tempfile::{TempDir, tempdir};

const TIMEOUT: Duration = Duration::from_secs(30);

/// A port that no one has, of those that are never given to whoever asks for any: ranks knock at it
/// before it is taken.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % 100;
        let port = 20_000 + (std::process::id() % 100) as u16 * 100 + next;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Runs `lead` on the leader of so many ranks over one folder of versions; the others follow.
fn world<T>(world: usize, folder: &Path, lead: impl FnOnce(&mut Trainer) -> T) -> T {
    // Ranks share the machine's cores.
    tch::set_num_threads(1);
    let meeting = Meeting::at("127.0.0.1", free_port());
    let open = |rank| {
        let ranks = match world {
            1 => Ranks::alone(),
            _ => Ranks::join(&meeting, Place { rank, world }, TIMEOUT).unwrap(),
        };
        Trainer::open_among(ranks, &base(), folder, 9, None, Compute::default(), None).unwrap()
    };
    std::thread::scope(|scope| {
        for rank in 1..world {
            scope.spawn(move || open(rank).follow().unwrap());
        }
        let mut trainer = open(0);
        let result = lead(&mut trainer);
        trainer.end().unwrap();
        result
    })
}

/// Requests for these steps: a batch of 17 samples, in two mini-batches, twice each.
fn requests(trainer: &Trainer, steps: std::ops::RangeInclusive<u64>) -> Vec<TrainRequest> {
    let of_step = |step: u64| {
        let sample = |index: u32| {
            let hinted = index % 4 == 3;
            let part = if hinted { Part::Hinted } else { Part::OnPolicy };
            let advantage = if hinted { 1.2 } else { f32::from(index as u8 % 3) - 0.9 };
            let first = (index * 11 + step as u32 * 5) % 60;
            common::sample(trainer, first, 2 + (index * 7) % 19, advantage, part)
        };
        let mut request = request(step, Batch { samples: (0..17).map(sample).collect() });
        request.optimizer.mini_batches = 2;
        request.optimizer.max_grad_norm = 0.5;
        request
    };
    steps.map(of_step).collect()
}

fn train(trainer: &mut Trainer, requests: &[TrainRequest]) -> Vec<TrainMetrics> {
    requests.iter().map(|request| trainer.train(request).unwrap().metrics).collect()
}

/// Fixed requests: the sampler's log-probabilities are those of the model to begin with.
fn fixed(steps: std::ops::RangeInclusive<u64>) -> Vec<TrainRequest> {
    let folder = tempdir().unwrap();
    requests(&common::open(folder.path()), steps)
}

fn weights(folder: &Path, version: u64) -> Vec<(String, Tensor)> {
    let model = Decoder::load(&folder.join(format!("v{version:06}")), Device::Cpu).unwrap();
    model.parameters().iter().map(|(name, tensor)| (name.clone(), tensor.detach())).collect()
}

/// How far the weights are from others, over how large they are.
fn difference(folder: &Path, other: &Path, version: u64) -> f64 {
    let (ours, theirs) = (weights(folder, version), weights(other, version));
    let norm = |tensor: &Tensor| tensor.to_kind(Kind::Double).norm().double_value(&[]).powi(2);
    let pairs = || ours.iter().zip(&theirs);
    let apart: f64 = pairs().map(|((_, ours), (_, theirs))| norm(&(ours - theirs))).sum();
    (apart / pairs().map(|((_, ours), _)| norm(ours)).sum::<f64>()).sqrt()
}

fn same_files(folder: &Path, other: &Path, version: u64) {
    for file in ["model.safetensors", "trainer/optimizer.safetensors"] {
        let path = format!("v{version:06}/{file}");
        let read = |folder: &Path| std::fs::read(folder.join(&path)).unwrap();
        assert!(read(folder) == read(other), "{path}");
    }
}

#[test]
fn the_number_of_ranks_changes_nothing_beyond_rounding() {
    let steps = fixed(1..=6);
    let of = |size| -> (TempDir, Vec<TrainMetrics>) {
        let folder = tempdir().unwrap();
        let metrics = world(size, folder.path(), |trainer| train(trainer, &steps));
        (folder, metrics)
    };
    let (alone, expected) = of(1);
    for size in [2, 4] {
        let (folder, metrics) = of(size);
        for version in [1, 6] {
            let apart = difference(alone.path(), folder.path(), version);
            println!("{size} ranks, version {version}: {apart:e}");
            assert!(apart < 1e-5, "{size} ranks, version {version}: {apart:e}");
        }
        for (ours, theirs) in expected.iter().zip(metrics) {
            let close =
                |a: f64, b: f64| assert!((a - b).abs() < 1e-4 * a.abs().max(1e-2), "{a} {b}");
            close(ours.loss, theirs.loss);
            close(ours.grad_norm, theirs.grad_norm);
            close(ours.entropy.unwrap(), theirs.entropy.unwrap());
            close(ours.rho.unwrap().p50, theirs.rho.unwrap().p50);
            assert_eq!(ours.clip_fraction, theirs.clip_fraction);
            assert_eq!(ours.trained_samples, theirs.trained_samples);
        }
        let (again, _) = of(size);
        same_files(folder.path(), again.path(), 6);
    }
}

#[test]
fn a_run_goes_on_at_another_number_of_ranks() {
    let steps = fixed(1..=4);
    let (steady, changing) = (tempdir().unwrap(), tempdir().unwrap());
    world(1, steady.path(), |trainer| train(trainer, &steps));
    for (size, step) in [4, 1, 2, 4].into_iter().zip(&steps) {
        world(size, changing.path(), |trainer| trainer.train(step).unwrap());
    }
    let apart = difference(steady.path(), changing.path(), 4);
    assert!(apart < 1e-5, "{apart:e}");

    // As often as it is started, two ranks go on as two that were never ended.
    let (whole, broken) = (tempdir().unwrap(), tempdir().unwrap());
    world(2, whole.path(), |trainer| train(trainer, &steps));
    for step in &steps {
        world(2, broken.path(), |trainer| trainer.train(step).unwrap());
    }
    same_files(whole.path(), broken.path(), 4);
}

#[test]
fn ranks_without_a_sample_take_part() {
    let folder = tempdir().unwrap();
    let alone = tempdir().unwrap();
    let mut trainer = common::open(alone.path());
    let samples = vec![common::sample(&trainer, 3, 5, 1.0, Part::OnPolicy)];
    let request = request(1, Batch { samples });
    let expected = trainer.train(&request).unwrap().metrics;
    let metrics = world(4, folder.path(), |trainer| trainer.train(&request).unwrap().metrics);
    assert!((expected.loss - metrics.loss).abs() < 1e-6);
    assert_eq!(metrics.entropy.is_some(), expected.entropy.is_some());
    assert!(difference(alone.path(), folder.path(), 1) < 1e-5);
}

#[test]
fn an_error_on_one_rank_is_one_on_all_and_they_go_on() {
    let sound = fixed(1..=1).remove(0);
    let mut overflows = sound.clone();
    overflows.batch.samples[4].advantage = 3e38;
    overflows.optimizer.mini_batches = 1;
    let mut unknown = sound.clone();
    unknown.batch.samples[2].response[0] = 67;
    let (expected, folder) = (tempdir().unwrap(), tempdir().unwrap());
    world(2, expected.path(), |trainer| train(trainer, std::slice::from_ref(&sound)));
    world(2, folder.path(), |trainer| {
        let error = trainer.train(&overflows).unwrap_err().to_string();
        assert!(error.contains("sample 4 of the batch is not finite"), "{error}");
        let error = trainer.train(&unknown).unwrap_err().to_string();
        assert!(error.contains("sample 2 of the batch has token id 67"), "{error}");
        // Rank 0 cannot write; the other rank goes back with it.
        let obstacle = folder.path().join(".v000001.tmp");
        std::fs::write(&obstacle, "").unwrap();
        let error = trainer.train(&sound).unwrap_err();
        assert!(matches!(error, TrainerError::Model(_)), "{error}");
        let _ = std::fs::remove_file(&obstacle);
        trainer.train(&sound).unwrap();
    });
    same_files(expected.path(), folder.path(), 1);
}

#[test]
fn a_kl_term_and_an_entropy_bonus_are_the_same_on_ranks() {
    let mut step = fixed(1..=1).remove(0);
    step.objective = Objective {
        kl: Some(retrial_protocol::Kl {
            coefficient: 0.1,
            estimator: retrial_protocol::KlEstimator::K3,
        }),
        entropy: retrial_protocol::Entropy::Constant { coefficient: 0.01 },
        ..Objective::default()
    };
    let (alone, folder) = (tempdir().unwrap(), tempdir().unwrap());
    let run = |size, folder: &Path| world(size, folder, |trainer| train(trainer, &[step.clone()]));
    let (expected, metrics) = (run(1, alone.path()).remove(0), run(2, folder.path()).remove(0));
    let (expected, found) = (expected.kl.unwrap(), metrics.kl.unwrap());
    assert!((expected - found).abs() < 1e-6, "{expected} {found}");
    assert!(difference(alone.path(), folder.path(), 1) < 1e-5);
}

/// A trainer's process that does not outlive the test.
struct Rank(std::process::Child);

impl Drop for Rank {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts two processes as a launcher does; rank 1 has these arguments besides.
fn two_processes(folder: &Path, timeout: u64, more: &[&str]) -> (Rank, Rank, String) {
    let (meeting, port) = (free_port().to_string(), free_port().to_string());
    let start = |rank: &str, more: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_retrial-trainer"))
            .args(["serve", "--port", &port, "--rank-timeout", &timeout.to_string()])
            .arg("--model")
            .arg(base())
            .arg("--versions")
            .arg(folder)
            .args(more)
            .envs([("RANK", rank), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "127.0.0.1")])
            .env("MASTER_PORT", &meeting)
            .stdout(std::process::Stdio::null())
            .spawn()
            .map(Rank)
            .unwrap()
    };
    (start("0", &[]), start("1", more), format!("http://127.0.0.1:{port}"))
}

async fn ready(url: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while reqwest::get(format!("{url}/state")).await.is_err() {
        assert!(Instant::now() < deadline, "it serves");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn post(url: &str, request: &TrainRequest) -> (u16, String) {
    let post = reqwest::Client::new().post(format!("{url}/train")).json(request);
    let answer = post.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn exit(rank: &mut Rank, within: Duration) -> Option<i32> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(status) = rank.0.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < deadline, "it has not ended");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_rank_that_is_killed_ends_the_step_and_a_restart_ends_the_same() {
    let steps = fixed(1..=2);
    let expected = tempdir().unwrap();
    world(2, expected.path(), |trainer| train(trainer, &steps));
    // At the update, and at the version: before it is written, rank 1 has its moments to give.
    for point in ["before-train@2", "after-train@2"] {
        let folder = tempdir().unwrap();
        let (mut first, _second, url) = two_processes(folder.path(), 60, &["--crash-at", point]);
        ready(&url).await;
        assert_eq!(post(&url, &steps[0]).await.0, 200);
        let clock = Instant::now();
        let (status, error) = post(&url, &steps[1]).await;
        assert!(status == 500 && error.contains("rank 0 of 2: "), "{point}: {status} {error}");
        assert_eq!(exit(&mut first, Duration::from_secs(20)), Some(1));
        assert!(clock.elapsed() < Duration::from_secs(20), "{:?}", clock.elapsed());

        let (mut first, mut second, url) = two_processes(folder.path(), 60, &[]);
        ready(&url).await;
        let (status, error) = post(&url, &steps[1]).await;
        assert_eq!(status, 200, "{error}");
        same_files(expected.path(), folder.path(), 2);

        // Told to end, rank 0 takes the other one along.
        let pid = first.0.id().to_string();
        assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
        assert_eq!(exit(&mut first, Duration::from_secs(20)), Some(0));
        assert_eq!(exit(&mut second, Duration::from_secs(20)), Some(0));
    }
}

#[tokio::test]
async fn a_rank_that_hangs_ends_the_step_after_the_time_out() {
    let steps = fixed(1..=1);
    let folder = tempdir().unwrap();
    let (mut first, second, url) = two_processes(folder.path(), 4, &[]);
    ready(&url).await;
    // Idle ranks are in touch: longer than the time-out passes and nothing happens.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let pid = second.0.id().to_string();
    let stop = std::process::Command::new("kill").args(["-STOP", &pid]).status();
    assert!(stop.unwrap().success());
    let clock = Instant::now();
    let (status, error) = post(&url, &steps[0]).await;
    assert!(status == 500 && error.contains("rank 0 of 2: "), "{status} {error}");
    assert!(clock.elapsed() < Duration::from_secs(12), "{:?}", clock.elapsed());
    assert_eq!(exit(&mut first, Duration::from_secs(20)), Some(1));
}

#[test]
fn common_batches_are_for_ranks_too() {
    let (alone, folder) = (tempdir().unwrap(), tempdir().unwrap());
    let mut trainer = common::open(alone.path());
    let request = request(1, batch(&trainer));
    trainer.train(&request).unwrap();
    world(2, folder.path(), |trainer| trainer.train(&request).unwrap());
    assert!(difference(alone.path(), folder.path(), 1) < 1e-5);
}

//! Several ranks: threads that train together, and processes of which one dies or hangs.

mod common;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{base, batch, request};
use retrial_native::c10d::{Meeting, Nccl};
use retrial_native::testing::free_port;
use retrial_protocol::{Batch, Lora, Objective, Part, Target, TrainMetrics, TrainRequest};
use retrial_trainer::compute::{Compute, Precision};
use retrial_trainer::export;
use retrial_trainer::model::Decoder;
use retrial_trainer::model::lora::NewAdapter;
use retrial_trainer::ranks::{Place, Ranks};
use retrial_trainer::trainer::{Trainer, TrainerError};
use tch::{Device, Kind, Tensor};
use tempfile::{TempDir, tempdir};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs `lead` on the leader of so many ranks over one folder of versions; the others follow.
fn world<T>(world: usize, folder: &Path, lead: impl FnOnce(&mut Trainer) -> T) -> T {
    of(&Policy::default(), world, folder, lead)
}

/// What is trained, and how.
struct Policy {
    base: PathBuf,
    adapter: Option<NewAdapter>,
    compute: Compute,
    /// Numbers of a bucket, if not as many as the program takes.
    bucket: Option<usize>,
}

impl Default for Policy {
    fn default() -> Self {
        // Several buckets are on their way in each pass.
        Self { base: base(), adapter: None, compute: Compute::default(), bucket: Some(6000) }
    }
}

/// The same for any policy.
fn of<T>(policy: &Policy, world: usize, folder: &Path, lead: impl FnOnce(&mut Trainer) -> T) -> T {
    // Ranks share the machine's cores.
    tch::set_num_threads(1);
    let meeting = Meeting::at("127.0.0.1", free_port());
    let open = |rank| {
        let mut ranks = match world {
            1 => Ranks::alone(),
            _ => Ranks::join(&meeting, Place { rank, world }, TIMEOUT).unwrap(),
        };
        let Policy { base, adapter, compute, bucket } = policy;
        ranks.bucket = bucket.unwrap_or(ranks.bucket);
        Trainer::open_among(ranks, base, folder, 30, None, *compute, adapter.clone()).unwrap()
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

/// Requests for these steps: a batch of 17 samples, in two mini-batches, twice each, of two
/// micro-batches or more.
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

/// The safetensors files of a version, with their folder.
fn files(folder: &Path, version: u64) -> Vec<String> {
    let version = format!("v{version:06}");
    let of = |name: &str| {
        let entries = std::fs::read_dir(folder.join(name)).unwrap();
        let named = |entry: std::io::Result<std::fs::DirEntry>| {
            format!("{name}/{}", entry.unwrap().file_name().to_string_lossy())
        };
        entries.map(named).collect::<Vec<_>>()
    };
    let mut names = [of(&version), of(&format!("{version}/trainer"))].concat();
    names.retain(|name| name.ends_with(".safetensors"));
    names.sort();
    names
}

fn same_files(folder: &Path, other: &Path, version: u64) {
    let names = files(folder, version);
    assert_eq!(names, files(other, version));
    assert!(names.len() >= 2, "{names:?}");
    for path in names {
        let read = |folder: &Path| std::fs::read(folder.join(&path)).unwrap();
        assert!(read(folder) == read(other), "{path}");
    }
}

#[test]
fn the_number_of_ranks_changes_nothing_beyond_rounding() {
    let steps = fixed(1..=20);
    let of = |size| -> (TempDir, Vec<TrainMetrics>) {
        let folder = tempdir().unwrap();
        let metrics = world(size, folder.path(), |trainer| train(trainer, &steps));
        (folder, metrics)
    };
    let (alone, expected) = of(1);
    for size in [2, 4] {
        let (folder, metrics) = of(size);
        for version in [1, 20] {
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
        same_files(folder.path(), again.path(), 20);
    }
}

#[test]
fn a_run_goes_on_at_another_number_of_ranks() {
    let steps = fixed(1..=4);
    for (kind, bound) in [(Kind::Float, 1e-5), (Kind::BFloat16, 1e-2)] {
        let policy =
            Policy { compute: Compute { kind, ..Compute::default() }, ..Policy::default() };
        let train = |size, folder: &Path, steps: &[TrainRequest]| {
            of(&policy, size, folder, |trainer| train(trainer, steps));
        };
        let (steady, changing) = (tempdir().unwrap(), tempdir().unwrap());
        train(1, steady.path(), &steps);
        for (size, step) in [4, 1, 2, 4].into_iter().zip(&steps) {
            train(size, changing.path(), std::slice::from_ref(step));
        }
        let apart = difference(steady.path(), changing.path(), 4);
        println!("{kind:?}: {apart:e}");
        assert!(apart < bound, "{kind:?}: {apart:e}");

        // As often as they are started, two ranks go on as two that were never ended.
        let (whole, broken) = (tempdir().unwrap(), tempdir().unwrap());
        train(2, whole.path(), &steps);
        for step in &steps {
            train(2, broken.path(), std::slice::from_ref(step));
        }
        same_files(whole.path(), broken.path(), 4);
    }
}

#[test]
fn each_rank_writes_its_part_and_all_are_one_model() {
    let step = fixed(1..=1);
    let compute = Compute { kind: Kind::BFloat16, ..Compute::default() };
    let policy = Policy { compute, ..Policy::default() };
    let folder = tempdir().unwrap();
    of(&policy, 2, folder.path(), |trainer| {
        train(trainer, &step);
        trainer.check_files().unwrap();
    });
    let expected = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "trainer/optimizer-00001-of-00002.safetensors",
        "trainer/optimizer-00002-of-00002.safetensors",
        "trainer/weights-00001-of-00002.safetensors",
        "trainer/weights-00002-of-00002.safetensors",
    ];
    assert_eq!(files(folder.path(), 1), expected.map(|name| format!("v000001/{name}")));
    // Each writes about half.
    let version = folder.path().join("v000001");
    for pair in expected.chunks(2) {
        let [a, b] = [0, 1].map(|i| version.join(pair[i]).metadata().unwrap().len() as f64);
        assert!((a / b - 1.0).abs() < 0.2, "{pair:?}: {a} {b}");
    }
    // The weights for the servers are those in f32, rounded.
    let args = export::Args {
        version: version.clone(),
        out: folder.path().join("exported"),
        precision: Precision::F32,
    };
    let exact = export::open(&args).unwrap();
    let served = Decoder::load(&version, Device::Cpu).unwrap();
    let mut moved = 0;
    for ((name, exact), (_, served)) in exact.parameters().iter().zip(served.parameters()) {
        assert_eq!(exact.to_kind(Kind::BFloat16).to_kind(Kind::Float), *served, "{name}");
        moved += i32::from(exact != served);
    }
    assert!(moved > 0, "the weights in f32 have more digits");
}

#[test]
fn ranks_without_a_sample_take_part() {
    let references = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let form = Lora { rank: 2, alpha: 4.0, targets: Target::ALL.to_vec() };
    let adapter = Some(NewAdapter { form, seed: 1 });
    let policies = [
        Policy::default(),
        Policy { base: references.join("tied"), ..Policy::default() },
        Policy { adapter, ..Policy::default() },
    ];
    for policy in policies {
        let (alone, folder) = (tempdir().unwrap(), tempdir().unwrap());
        let (request, expected) = of(&policy, 1, alone.path(), |trainer| {
            let samples = vec![common::sample(trainer, 3, 5, 1.0, Part::OnPolicy)];
            let request = request(1, Batch { samples });
            let metrics = trainer.train(&request).unwrap().metrics;
            (request, metrics)
        });
        let metrics =
            of(&policy, 4, folder.path(), |trainer| trainer.train(&request).unwrap().metrics);
        assert!((expected.loss - metrics.loss).abs() < 1e-6);
        assert_eq!(metrics.entropy.is_some(), expected.entropy.is_some());
        assert!(difference(alone.path(), folder.path(), 1) < 1e-5);
    }
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
        // Rank 0 cannot copy what describes the model; the other rank goes back with it.
        let obstacle = folder.path().join("v000000/obstacle.json");
        std::os::unix::fs::symlink("/proc/self/mem", &obstacle).unwrap();
        let error = trainer.train(&sound).unwrap_err();
        assert!(matches!(error, TrainerError::Model(_)), "{error}");
        std::fs::remove_file(&obstacle).unwrap();
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
struct Process {
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
    fn exit(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it has not ended: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it said.
    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

/// Processes that a launcher has started, and where rank 0 serves.
struct Processes {
    ranks: Vec<Process>,
    url: String,
}

impl Processes {
    /// Starts so many over one folder of versions; rank `other` has more arguments.
    fn start(world: usize, folder: &Path, timeout: u64, (other, more): (usize, &[&str])) -> Self {
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

    async fn ready(&self) {
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

    /// Has them take a step.
    async fn train(&self, request: &TrainRequest) {
        let answer = ask(self.url.clone(), request.clone()).await;
        assert!(matches!(answer, Some((200, _))), "{answer:?} {}", self.ranks[0].log());
    }
}

/// The answer to a step, with its status; none if rank 0 is gone.
async fn ask(url: String, request: TrainRequest) -> Option<(u16, String)> {
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
            // Rank 0 knows who. One that was computing all the while may be named beside it.
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
    // Longer than the time-out passes and nothing happens.
    tokio::time::sleep(Duration::from_secs(4)).await;
    ranks.train(&fixed(1..=1)[0]).await;
    // Told to end, rank 0 takes the other one along.
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
    // Nobody asks for anything.
    let [first, _] = &mut ranks.ranks[..] else { unreachable!("there are two") };
    assert_eq!(first.exit(), Some(1), "{}", first.log());
    assert!(first.log().contains("rank 0 of 2: "), "{}", first.log());
}

#[test]
fn over_nccl_an_update_is_that_of_a_single_rank() {
    if std::env::var_os("RETRIAL_C10D_NCCL").is_none() {
        println!("not run: RETRIAL_C10D_NCCL does not say where the library for NCCL lies");
        return;
    }
    // With it comes libtorch's part for CUDA.
    Nccl::load().unwrap();
    let steps = fixed(1..=3);
    for kind in [Kind::Float, Kind::BFloat16] {
        let compute = Compute { kind, device: Device::Cuda(0), ..Compute::default() };
        let (alone, folder) = (tempdir().unwrap(), tempdir().unwrap());
        let run = |ranks, folder: &Path| {
            let open = Trainer::open_among(ranks, &base(), folder, 30, None, compute, None);
            train(&mut open.unwrap(), &steps);
        };
        run(Ranks::alone(), alone.path());
        let meeting = Meeting::at("127.0.0.1", free_port());
        run(Ranks::join(&meeting, Place::ALONE, TIMEOUT).unwrap(), folder.path());
        let apart = difference(alone.path(), folder.path(), 3);
        println!("{kind:?}: {apart:e}");
        assert!(apart < 1e-5, "{kind:?}: {apart:e}");
    }
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

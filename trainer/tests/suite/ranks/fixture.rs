//! Ranks on threads, and steps for them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use retrial_native::c10d::Meeting;
use retrial_native::testing::on_ranks;
use retrial_protocol::{Batch, Part, TrainMetrics, TrainRequest};
use retrial_trainer::compute::Compute;
use retrial_trainer::fault::Fault;
use retrial_trainer::model::Decoder;
use retrial_trainer::model::lora::NewAdapter;
use retrial_trainer::ranks::{Place, Ranks};
use retrial_trainer::trainer::Trainer;
use tch::{Device, Kind, Tensor};
use tempfile::tempdir;

use crate::common::{base, open, request, sample};

pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs `lead` on the leader of this many ranks over one folder of versions; the others follow.
pub fn world<T: Send>(world: usize, folder: &Path, lead: impl Fn(&mut Trainer) -> T + Sync) -> T {
    of(&Policy::default(), world, folder, lead)
}

/// The model and the settings of its training.
pub struct Policy {
    pub base: PathBuf,
    pub adapter: Option<NewAdapter>,
    pub compute: Compute,
    /// Size of a bucket in numbers, if not the program's.
    pub bucket: Option<usize>,
}

impl Default for Policy {
    fn default() -> Self {
        // Several buckets are in flight in each pass.
        Self { base: base(), adapter: None, compute: Compute::default(), bucket: Some(6000) }
    }
}

/// Runs ranks that train any policy.
pub fn of<T: Send>(
    policy: &Policy,
    world: usize,
    folder: &Path,
    lead: impl Fn(&mut Trainer) -> T + Sync,
) -> T {
    with_fault(policy, world, folder, (0, None), lead)
}

/// Runs ranks with a fault on one of them.
pub fn with_fault<T: Send>(
    policy: &Policy,
    world: usize,
    folder: &Path,
    (failing, fault): (usize, Option<Fault>),
    lead: impl Fn(&mut Trainer) -> T + Sync,
) -> T {
    let Policy { base, adapter, compute, bucket } = policy;
    let on_rank = |rank: usize, meeting: &Meeting| {
        let mut ranks = match world {
            1 => Ranks::alone(),
            _ => Ranks::join(meeting, Place { rank, world }, TIMEOUT).unwrap(),
        };
        ranks.bucket = bucket.unwrap_or(ranks.bucket);
        let fault = fault.filter(|_| rank == failing);
        let opened = Trainer::open_among(ranks, base, folder, 30, fault, *compute, adapter.clone());
        let mut trainer = opened.unwrap();
        if rank > 0 {
            trainer.follow().unwrap();
            return None;
        }
        let result = lead(&mut trainer);
        trainer.end().unwrap();
        Some(result)
    };
    on_ranks(world, on_rank).swap_remove(0).expect("rank 0 leads")
}

/// Requests for these steps: a batch of 17 samples, in two mini-batches, twice each, of two
/// micro-batches or more.
pub fn requests(trainer: &Trainer, steps: std::ops::RangeInclusive<u64>) -> Vec<TrainRequest> {
    let of_step = |step: u64| {
        let of_index = |index: u32| {
            let hinted = index % 4 == 3;
            let part = if hinted { Part::Hinted } else { Part::OnPolicy };
            let advantage = if hinted { 1.2 } else { f32::from(index as u8 % 3) - 0.9 };
            let first = (index * 11 + step as u32 * 5) % 60;
            sample(trainer, first, 2 + (index * 7) % 19, advantage, part)
        };
        let mut request = request(step, Batch { samples: (0..17).map(of_index).collect() });
        request.optimizer.mini_batches = 2;
        request.optimizer.max_grad_norm = 0.5;
        request
    };
    steps.map(of_step).collect()
}

pub fn train(trainer: &mut Trainer, requests: &[TrainRequest]) -> Vec<TrainMetrics> {
    requests.iter().map(|request| trainer.train(request).unwrap().metrics).collect()
}

/// Fixed requests: the sampler's log-probabilities are those of the initial model.
pub fn fixed(steps: std::ops::RangeInclusive<u64>) -> Vec<TrainRequest> {
    let folder = tempdir().unwrap();
    requests(&open(folder.path()), steps)
}

pub fn weights(folder: &Path, version: u64) -> Vec<(String, Tensor)> {
    let model = Decoder::load(&folder.join(format!("v{version:06}")), Device::Cpu).unwrap();
    model.parameters().iter().map(|(name, tensor)| (name.clone(), tensor.detach())).collect()
}

/// Relative difference of the weights from others.
pub fn difference(folder: &Path, other: &Path, version: u64) -> f64 {
    let (ours, theirs) = (weights(folder, version), weights(other, version));
    let norm = |tensor: &Tensor| tensor.to_kind(Kind::Double).norm().double_value(&[]).powi(2);
    let pairs = || ours.iter().zip(&theirs);
    let apart: f64 = pairs().map(|((_, ours), (_, theirs))| norm(&(ours - theirs))).sum();
    (apart / pairs().map(|((_, ours), _)| norm(ours)).sum::<f64>()).sqrt()
}

/// The safetensors files of a version, with their folder.
pub fn files(folder: &Path, version: u64) -> Vec<String> {
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

pub fn same_files(folder: &Path, other: &Path, version: u64) {
    let names = files(folder, version);
    assert_eq!(names, files(other, version));
    assert!(names.len() >= 2, "{names:?}");
    for path in names {
        let read = |folder: &Path| std::fs::read(folder.join(&path)).unwrap();
        assert!(read(folder) == read(other), "{path}");
    }
}

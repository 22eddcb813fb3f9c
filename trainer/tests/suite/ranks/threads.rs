//! Ranks as threads that train together.

use std::path::Path;

use retrial_native::c10d::Nccl;
use retrial_native::testing::on_ranks;
use retrial_protocol::{Batch, Lora, Objective, Part, Target, TrainMetrics, TrainRequest};
use retrial_trainer::compute::{Compute, Precision};
use retrial_trainer::export;
use retrial_trainer::model::Decoder;
use retrial_trainer::model::lora::NewAdapter;
use retrial_trainer::ranks::{Place, Ranks};
use retrial_trainer::trainer::{Trainer, TrainerError};
use tch::{Device, Kind};
use tempfile::{TempDir, tempdir};

use super::fixture::{Policy, TIMEOUT, difference, files, fixed, of, same_files, train, world};
use crate::common::{base, batch, open, reference, request, sample};

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
fn groups_that_share_a_prompt_are_dealt_to_ranks() {
    let mut steps = fixed(1..=3);
    for samples in steps.iter_mut().map(|step| &mut step.batch.samples) {
        // Groups of five; ranks have to split some.
        for index in 0..samples.len() {
            samples[index].prompt = samples[index / 5 * 5].prompt.clone();
        }
    }
    let of = |size| {
        let folder = tempdir().unwrap();
        world(size, folder.path(), |trainer| train(trainer, &steps));
        folder
    };
    let alone = of(1);
    for size in [2, 4] {
        let folder = of(size);
        let apart = difference(alone.path(), folder.path(), 3);
        assert!(apart < 1e-5, "{size} ranks: {apart:e}");
        same_files(folder.path(), of(size).path(), 3);
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

        // However often they are started, two ranks continue like two that never ended.
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
    // The published weights are the f32 ones, rounded.
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
    let form = Lora { rank: 2, alpha: 4.0, targets: Target::ALL.to_vec() };
    let adapter = Some(NewAdapter { form, seed: 1 });
    let policies = [
        Policy::default(),
        Policy { base: reference("tied"), ..Policy::default() },
        Policy { adapter, ..Policy::default() },
    ];
    for policy in policies {
        let (alone, folder) = (tempdir().unwrap(), tempdir().unwrap());
        let (request, expected) = of(&policy, 1, alone.path(), |trainer| {
            let samples = vec![sample(trainer, 3, 5, 1.0, Part::OnPolicy)];
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
        // Rank 0 cannot copy the model's other files; the other rank rolls back with it.
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
        on_ranks(1, |_, meeting| {
            run(Ranks::join(meeting, Place::ALONE, TIMEOUT).unwrap(), folder.path());
        });
        let apart = difference(alone.path(), folder.path(), 3);
        println!("{kind:?}: {apart:e}");
        assert!(apart < 1e-5, "{kind:?}: {apart:e}");
    }
}

#[test]
fn common_batches_are_for_ranks_too() {
    let (alone, folder) = (tempdir().unwrap(), tempdir().unwrap());
    let mut trainer = open(alone.path());
    let request = request(1, batch(&trainer));
    trainer.train(&request).unwrap();
    world(2, folder.path(), |trainer| trainer.train(&request).unwrap());
    assert!(difference(alone.path(), folder.path(), 1) < 1e-5);
}

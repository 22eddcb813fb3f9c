//! Updates, and the versions they leave on disk.

use std::path::Path;

use retrial_protocol::{
    Batch, Correction, Denominator, Entropy, Kl, KlEstimator, Level, Loss, Normalisation,
    Objective, Part, Sample, ScoreRequest, TrainRequest, WeightVersion,
};
use retrial_trainer::compute::{Compute, Keep, Precision};
use retrial_trainer::export;
use retrial_trainer::model::{Decoder, write_tensors};
use retrial_trainer::trainer::{Trainer, TrainerError};
use retrial_trainer::versions::copy_description;
use retrial_trainer::versions::room;
use tch::{Device, Kind};
use tempfile::tempdir;

use crate::common::{base, batch, open, request, sample};

fn weights(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("model.safetensors")).unwrap()
}

/// What lies in a folder of versions, beside the lock of the trainer that has it.
fn versions(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "trainer.lock")
        .collect();
    names.sort();
    names
}

/// Sum of a response's log-probabilities.
fn likelihood(trainer: &Trainer, sample: &Sample) -> f32 {
    let sequence = sample.prompt.iter().chain(&sample.response).copied().collect();
    let scores = trainer
        .score(&ScoreRequest { sequences: vec![sequence], temperature: 1.0, version: None })
        .unwrap();
    scores.logprobs[0][sample.prompt.len() - 1..].iter().sum()
}

#[test]
fn what_was_better_than_its_group_gets_likelier() {
    for denominator in [Denominator::Hinted, Denominator::Unit, Denominator::Unhinted] {
        for normalisation in [Normalisation::Common, Normalisation::Separate] {
            let folder = tempdir().unwrap();
            let mut trainer = open(folder.path());
            let batch = batch(&trainer);
            let before: Vec<f32> =
                batch.samples.iter().map(|sample| likelihood(&trainer, sample)).collect();
            let mut request = request(1, batch.clone());
            request.objective = Objective { denominator, normalisation, ..Objective::default() };
            let report = trainer.train(&request).unwrap();
            for (sample, before) in batch.samples.iter().zip(before) {
                let change = likelihood(&trainer, sample) - before;
                // The hinted one with denominator 1 has a gradient near 0: pi is small.
                let tiny = denominator == Denominator::Unit && sample.part == Part::Hinted;
                assert!(tiny || change * sample.advantage >= 0.0, "{change} {sample:?}");
            }
            let metrics = report.metrics;
            assert_eq!((metrics.on_policy_tokens, metrics.hinted_tokens), (26, 9));
            assert_eq!(metrics.trained_samples, 4);
            assert!(metrics.sampler_mismatch.unwrap() < 1e-5);
            assert!(metrics.grad_norm > 0.0 && metrics.rho.is_some());
            let rho = metrics.rho.unwrap().p50;
            match denominator {
                // Scored without a hint here, so that both denominators are pi_old itself.
                Denominator::Hinted | Denominator::Unhinted => assert!((rho - 1.0).abs() < 1e-4),
                Denominator::Unit => assert!(rho < 0.5),
            }
        }
    }
}

#[test]
fn the_size_of_micro_batches_changes_nothing_beyond_rounding() {
    let scores = [16, 10_000].map(|micro_batch_tokens| {
        let folder = tempdir().unwrap();
        let mut trainer = open(folder.path());
        let batch = batch(&trainer);
        let request = TrainRequest { micro_batch_tokens, ..request(1, batch.clone()) };
        let report = trainer.train(&request).unwrap();
        (report.metrics.loss, report.metrics.grad_norm, likelihood(&trainer, &batch.samples[1]))
    });
    let [(loss, norm, score), (other_loss, other_norm, other_score)] = scores;
    assert!((loss - other_loss).abs() < 1e-6, "{loss} {other_loss}");
    assert!((norm - other_norm).abs() < 1e-5, "{norm} {other_norm}");
    assert!((score - other_score).abs() < 1e-2, "{score} {other_score}");
}

#[test]
fn samples_without_advantage_count_in_the_normaliser() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let taught = sample(&trainer, 1, 6, 1.0, Part::OnPolicy);
    let silent = sample(&trainer, 8, 18, 0.0, Part::OnPolicy);
    let alone = trainer.train(&request(1, Batch { samples: vec![taught.clone()] })).unwrap();
    let other = tempdir().unwrap();
    let both = Batch { samples: vec![taught, silent] };
    let both = open(other.path()).train(&request(1, both)).unwrap();
    let ratio = alone.metrics.loss / both.metrics.loss;
    assert!((ratio - 4.0).abs() < 1e-4, "6 tokens against 24: {ratio}");
}

#[test]
fn a_batch_without_a_gradient_makes_a_version_with_the_same_weights() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let base = trainer.state().folder;
    let silent = Batch { samples: vec![sample(&trainer, 8, 4, 0.0, Part::OnPolicy)] };
    for (step, batch) in [(1, silent), (2, Batch::default())] {
        let report = trainer.train(&request(step, batch)).unwrap();
        assert_eq!(report.metrics.trained_samples, 0);
        assert_eq!(trainer.state().version, WeightVersion(step));
        assert!(weights(&report.folder) == weights(&base));
    }
}

#[test]
fn an_entropy_bonus_raises_the_entropy() {
    let entropy_after = |entropy| {
        let folder = tempdir().unwrap();
        let mut trainer = open(folder.path());
        let batch = batch(&trainer);
        let objective = Objective { entropy, ..Objective::default() };
        for step in 1..=8 {
            let mut request = request(step, batch.clone());
            request.objective = objective.clone();
            request.optimizer.learning_rate = 5e-3;
            let report = trainer.train(&request).unwrap();
            if step == 8 {
                return report.metrics;
            }
        }
        unreachable!("the eighth step returns")
    };
    let off = entropy_after(Entropy::Off);
    let constant = entropy_after(Entropy::Constant { coefficient: 1.0 });
    assert!(constant.entropy.unwrap() > off.entropy.unwrap() + 0.1, "{constant:?} {off:?}");
    // With a bonus every sample goes through the model.
    assert_eq!((off.trained_samples, constant.trained_samples), (4, 5));
    // Over the target already: the coefficient stays at its lowest and does not apply.
    let over = Entropy::Adaptive { target: 0.001, delta: 0.1, min: 0.0, max: 1.0 };
    assert_eq!(entropy_after(over).entropy_coefficient, 0.0);
    let under = Entropy::Adaptive { target: 100.0, delta: 0.1, min: 0.0, max: 0.45 };
    assert_eq!(entropy_after(under).entropy_coefficient, 0.45);
}

#[test]
fn going_on_from_disk_is_going_on() {
    let (whole, broken) = (tempdir().unwrap(), tempdir().unwrap());
    let mut trainer = open(whole.path());
    let batches = [batch(&trainer), batch(&trainer)];
    for (step, batch) in (1..).zip(&batches) {
        trainer.train(&request(step, batch.clone())).unwrap();
        open(broken.path()).train(&request(step, batch.clone())).unwrap();
    }
    for file in ["model.safetensors", "trainer/optimizer.safetensors"] {
        let read = |folder: &Path| std::fs::read(folder.join("v000002").join(file)).unwrap();
        assert!(read(whole.path()) == read(broken.path()), "{file}");
    }
}

#[test]
fn a_step_is_taken_once_and_in_order() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let first = batch(&trainer);
    let report = trainer.train(&request(1, first.clone())).unwrap();
    let taken = weights(&report.folder);

    // The answer was lost, or the trainer was started anew: the same request changes nothing.
    assert_eq!(trainer.train(&request(1, first.clone())).unwrap(), report);
    drop(trainer);
    let mut trainer = open(folder.path());
    assert_eq!(trainer.train(&request(1, first.clone())).unwrap(), report);
    assert!(weights(&report.folder) == taken);

    let mut other = first.clone();
    other.samples[0].advantage = 0.1;
    let error = trainer.train(&request(1, other)).unwrap_err();
    assert_eq!(error.to_string(), "step 1 was taken already, on another batch");
    let error = trainer.train(&request(4, first)).unwrap_err();
    assert!(matches!(error, TrainerError::OutOfOrder { .. }));
    let expected = "step 4 starts from version 3, the trainer is at version 1";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn a_failed_update_leaves_the_last_version_in_place() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let sound = batch(&trainer);
    let before = likelihood(&trainer, &sound.samples[1]);

    let mut bad = sound.clone();
    bad.samples[2].response[0] = 67;
    let error = trainer.train(&request(1, bad)).unwrap_err().to_string();
    assert_eq!(error, "sample 2 of the batch has token id 67, the vocabulary has 67");

    let mut wild = request(1, sound.clone());
    wild.optimizer.learning_rate = 1e30;
    let error = trainer.train(&wild).unwrap_err().to_string();
    assert!(error.contains("is not finite"), "{error}");

    assert_eq!(trainer.state().version, WeightVersion(0));
    assert_eq!(likelihood(&trainer, &sound.samples[1]), before);
    assert_eq!(versions(folder.path()), ["v000000"]);
    trainer.train(&request(1, sound)).unwrap();
}

#[test]
fn old_versions_and_leftovers_are_dropped() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let batch = batch(&trainer);
    for step in 1..=4 {
        trainer.train(&request(step, batch.clone())).unwrap();
    }
    assert_eq!(versions(folder.path()), ["v000002", "v000003", "v000004"]);
    // A process that was killed while it wrote leaves this.
    std::fs::create_dir(folder.path().join(".v000005.tmp")).unwrap();
    drop(trainer);
    let trainer = open(folder.path());
    assert_eq!(trainer.state().version, WeightVersion(4));
    assert_eq!(versions(folder.path()), ["v000002", "v000003", "v000004"]);
}

#[test]
fn a_version_is_a_model_folder() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let batch = batch(&trainer);
    let report = trainer.train(&request(1, batch)).unwrap();
    let config = |folder: &Path| std::fs::read(folder.join("config.json")).unwrap();
    assert_eq!(config(&report.folder), config(&base()));
    let text = weights(&report.folder);
    let header = String::from_utf8_lossy(&text[8..200]);
    assert!(header.contains(r#""format":"pt""#), "transformers asks for it: {header}");
}

const LOSSES: [Loss; 6] =
    [Loss::Lte, Loss::Grpo, Loss::Dapo, Loss::DrGrpo, Loss::Gspo, Loss::Cispo];

/// A request with everything switched on that adds to the loss.
fn full_request(loss: Loss, batch: Batch) -> TrainRequest {
    let mut request = request(1, batch);
    request.objective = Objective {
        loss,
        length_divisor: Some(20.0),
        kl: Some(Kl { coefficient: 0.1, estimator: KlEstimator::K3 }),
        correction: Correction::Tis { cap: 1.5, level: Level::Sequence },
        entropy: Entropy::Constant { coefficient: 0.01 },
        ..Objective::default()
    };
    request.optimizer.mini_batches = 2;
    request.optimizer.warmup_steps = 3;
    request
}

#[test]
fn every_loss_gives_the_same_update_however_it_is_cut_and_kept() {
    for loss in LOSSES {
        let update = |micro_batch_tokens: usize, keep: Keep| {
            let folder = tempdir().unwrap();
            let compute = Compute { keep, ..Compute::default() };
            let mut trainer =
                Trainer::open(&base(), folder.path(), 3, None, compute, None).unwrap();
            let mut batch = batch(&trainer);
            // A sampler that is off by a little.
            batch.samples[0].sampler_logprobs.iter_mut().for_each(|logprob| *logprob -= 0.2);
            let request = TrainRequest { micro_batch_tokens, ..full_request(loss, batch) };
            let metrics = trainer.train(&request).unwrap().metrics;
            (
                metrics.loss,
                metrics.grad_norm,
                metrics.corrected_fraction.unwrap(),
                metrics.kl.unwrap(),
            )
        };
        let (loss_of, norm, corrected, kl) = update(10_000, Keep::Graphs);
        assert!(norm > 0.0 && corrected > 0.0 && kl > 0.0, "{loss:?}: {norm} {corrected} {kl}");
        let cut = update(16, Keep::Inputs);
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * a.abs().max(1.0);
        assert!(close(cut.0, loss_of) && close(cut.1, norm), "{loss:?}: {cut:?} {loss_of} {norm}");
        assert!(close(cut.2, corrected) && close(cut.3, kl), "{loss:?}: {cut:?} {corrected} {kl}");
    }
}

#[test]
fn every_loss_makes_better_responses_likelier() {
    for loss in LOSSES {
        let folder = tempdir().unwrap();
        let mut trainer = open(folder.path());
        let batch = batch(&trainer);
        let before: Vec<f32> =
            batch.samples.iter().map(|sample| likelihood(&trainer, sample)).collect();
        let mut request = request(1, batch.clone());
        request.objective.loss = loss;
        request.optimizer.epochs = 1;
        trainer.train(&request).unwrap();
        for (sample, before) in batch.samples.iter().zip(before) {
            let change = likelihood(&trainer, sample) - before;
            assert!(change * sample.advantage >= 0.0, "{loss:?}: {change} {sample:?}");
        }
    }
}

#[test]
fn a_strong_kl_term_keeps_the_policy_where_it_began() {
    let distance = |coefficient: f64| {
        let folder = tempdir().unwrap();
        let mut trainer = open(folder.path());
        let batch = batch(&trainer);
        let mut last = 0.0;
        for step in 1..=6 {
            let mut request = request(step, batch.clone());
            request.objective.kl = Some(Kl { coefficient, estimator: KlEstimator::K3 });
            last = trainer.train(&request).unwrap().metrics.kl.unwrap();
        }
        last
    };
    let (free, held) = (distance(1e-9), distance(10.0));
    assert!(held < 0.3 * free, "{held} {free}");
}

#[test]
fn a_sample_whose_numbers_break_is_named() {
    // Token 66 has an embedding that overflows: in the logits (NaN), or on the way back only.
    for (value, expected) in [
        (f32::NAN, "a log-probability of sample 3 of the batch is not finite"),
        (3e38, "the gradient of sample 3 of the batch is not finite"),
    ] {
        let poisoned = tempdir().unwrap();
        copy_description(&base(), poisoned.path()).unwrap();
        let model = Decoder::load(&base(), Device::Cpu).unwrap();
        let _ = model.parameters()[0].1.get(66).fill_(f64::from(value));
        let file = poisoned.path().join("model.safetensors");
        write_tensors(&file, model.parameters(), Kind::Float).unwrap();

        let folder = tempdir().unwrap();
        let open =
            || Trainer::open(poisoned.path(), folder.path(), 3, None, Compute::default(), None);
        let mut trainer = open().unwrap();
        let sample = |prompt: u32| Sample {
            prompt: vec![2, prompt],
            response: vec![3, 4, 5],
            sampler_logprobs: vec![-1.0; 3],
            advantage: 1.0,
            part: Part::OnPolicy,
        };
        let batch = Batch { samples: [7, 8, 9, 66, 10].map(sample).to_vec() };
        let error = trainer.train(&request(1, batch)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{value}: {error}");
    }
}

#[test]
fn bf16_learns_in_f32_and_goes_on_from_disk() {
    let compute = Compute { kind: Kind::BFloat16, keep: Keep::Inputs, ..Compute::default() };
    let (whole, broken) = (tempdir().unwrap(), tempdir().unwrap());
    let open = |folder: &Path| Trainer::open(&base(), folder, 3, None, compute, None).unwrap();
    let mut trainer = open(whole.path());
    let batches = [batch(&trainer), batch(&trainer)];
    for (step, batch) in (1..).zip(&batches) {
        trainer.train(&request(step, batch.clone())).unwrap();
        open(broken.path()).train(&request(step, batch.clone())).unwrap();
    }
    let read =
        |folder: &Path, file: &str| std::fs::read(folder.join("v000002").join(file)).unwrap();
    let files =
        ["model.safetensors", "trainer/weights.safetensors", "trainer/optimizer.safetensors"];
    for file in files {
        assert!(read(whole.path(), file) == read(broken.path(), file), "{file}");
    }
    // Servers get half the bytes.
    let sizes = [0, 1].map(|index| read(whole.path(), files[index]).len() as f64);
    assert!((sizes[0] / sizes[1] - 0.5).abs() < 0.05, "{sizes:?}");
}

#[test]
fn a_full_disk_is_seen_before_anything_is_written() {
    let folder = tempdir().unwrap();
    let error = room(folder.path(), u64::MAX).unwrap_err().to_string();
    assert!(error.contains("the disk has") && error.contains("hint: make room"), "{error}");
    room(folder.path(), 1).unwrap();
}

#[test]
fn a_version_is_exported_as_a_plain_model() {
    let compute = Compute { kind: Kind::BFloat16, ..Compute::default() };
    let folder = tempdir().unwrap();
    let mut trainer = Trainer::open(&base(), folder.path(), 3, None, compute, None).unwrap();
    let batch = batch(&trainer);
    let version = trainer.train(&request(1, batch)).unwrap().folder;
    for (precision, masters) in [(Precision::F32, true), (Precision::Bf16, false)] {
        let out = folder.path().join(format!("{precision:?}"));
        let args = export::Args { version: version.clone(), out: out.clone(), precision };
        let model = export::open(&args).unwrap();
        export::write(&model, &version, &out, precision.kind()).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["config.json", "model.safetensors"]);
        let exported = Decoder::load(&out, Device::Cpu).unwrap();
        for ((name, a), (_, b)) in model.parameters().iter().zip(exported.parameters()) {
            let error = (a - b).abs().max().double_value(&[]);
            let largest = a.abs().max().double_value(&[]);
            assert!(error <= if masters { 0.0 } else { 0.004 * largest }, "{name}");
        }
        let error = export::open(&args).err().unwrap().to_string();
        assert!(error.contains("exists and is not empty"), "{error}");
    }
}

#[test]
fn a_gpu_learns_what_the_cpu_learns() {
    if !tch::Cuda::is_available() {
        println!("not run: there is no GPU");
        return;
    }
    let learnt = |device, kind, keep| {
        let folder = tempdir().unwrap();
        let compute = Compute { device, kind, keep };
        let mut trainer = Trainer::open(&base(), folder.path(), 3, None, compute, None).unwrap();
        let of_cpu = open(tempdir().unwrap().path());
        let batch = batch(&of_cpu);
        let before = likelihood(&trainer, &batch.samples[1]);
        let report = trainer.train(&request(1, batch.clone())).unwrap();
        (before, likelihood(&trainer, &batch.samples[1]), report.metrics.grad_norm)
    };
    let (before, after, norm) = learnt(Device::Cpu, Kind::Float, Keep::Graphs);
    for (kind, keep, bound) in [
        (Kind::Float, Keep::Graphs, 1e-3),
        (Kind::Float, Keep::Inputs, 1e-3),
        (Kind::BFloat16, Keep::Graphs, 0.05),
        (Kind::BFloat16, Keep::Inputs, 0.05),
    ] {
        let found = learnt(Device::Cuda(0), kind, keep);
        println!("{kind:?} {keep:?}: {found:?}, on the CPU {:?}", (before, after, norm));
        assert!((found.0 - before).abs() < bound * before.abs(), "{kind:?} {keep:?}");
        assert!((found.1 - after).abs() < bound * after.abs(), "{kind:?} {keep:?}");
        assert!((found.2 - norm).abs() < f64::from(bound) * norm, "{kind:?} {keep:?}");
    }
}

#[test]
fn an_older_version_scores_as_it_did_when_it_was_the_latest() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let batch = batch(&trainer);
    let sample = batch.samples[0].clone();
    let sequence: Vec<u32> = sample.prompt.iter().chain(&sample.response).copied().collect();
    let score = |trainer: &Trainer, version| {
        let sequences = vec![sequence.clone()];
        trainer.score(&ScoreRequest { sequences, temperature: 0.7, version })
    };
    let first = score(&trainer, None).unwrap();
    trainer.train(&request(1, batch)).unwrap();
    let second = score(&trainer, Some(WeightVersion(1))).unwrap();
    assert_ne!(first.logprobs, second.logprobs);
    assert_eq!(score(&trainer, Some(WeightVersion(0))).unwrap(), first);
    assert_eq!(score(&trainer, None).unwrap(), second);
    let missing = score(&trainer, Some(WeightVersion(7))).unwrap_err().to_string();
    assert!(missing.contains("version 7 of the weights is not on the trainer's disk"), "{missing}");
}

#[test]
fn a_damaged_latest_version_is_set_aside_until_it_is_made_again() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let batch = batch(&trainer);
    trainer.train(&request(1, batch.clone())).unwrap();
    let report = trainer.train(&request(2, batch.clone())).unwrap();
    let weights = std::fs::read(report.folder.join("model.safetensors")).unwrap();
    drop(trainer);
    for file in ["config.json", "trainer/record.json", "trainer/optimizer.safetensors"] {
        std::fs::write(report.folder.join(file), "").unwrap();
        let mut trainer = open(folder.path());
        let state = trainer.state();
        assert_eq!((state.version, state.damaged), (WeightVersion(1), Some(WeightVersion(2))));
        assert!(versions(folder.path()).contains(&"v000002.damaged".to_owned()));
        let again = trainer.train(&request(2, batch.clone())).unwrap();
        assert_eq!((&again.batch, trainer.state().damaged), (&report.batch, None), "{file}");
        assert_eq!(std::fs::read(again.folder.join("model.safetensors")).unwrap(), weights);
        assert!(!versions(folder.path()).contains(&"v000002.damaged".to_owned()));
    }
}

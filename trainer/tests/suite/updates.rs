//! How updates change a policy.

use retrial_protocol::{
    Batch, Correction, Denominator, Entropy, Kl, KlEstimator, Level, Loss, Normalisation,
    Objective, Part, Sample, TrainRequest, WeightVersion,
};
use retrial_trainer::compute::{Compute, Keep};
use retrial_trainer::model::{Decoder, write_tensors};
use retrial_trainer::trainer::Trainer;
use retrial_trainer::versions::copy_description;
use tch::{Device, Kind};
use tempfile::tempdir;

use crate::common::{base, batch, likelihood, open, request, sample, weights};

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
    let forwarded = sample(&trainer, 1, 6, 1.0, Part::OnPolicy);
    let silent = sample(&trainer, 8, 18, 0.0, Part::OnPolicy);
    let alone = trainer.train(&request(1, Batch { samples: vec![forwarded.clone()] })).unwrap();
    let other = tempdir().unwrap();
    let both = Batch { samples: vec![forwarded, silent] };
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
    // Already above the target: the coefficient stays at its lowest and does not apply.
    let over = Entropy::Adaptive { target: 0.001, delta: 0.1, min: 0.0, max: 1.0 };
    assert_eq!(entropy_after(over).entropy_coefficient, 0.0);
    let under = Entropy::Adaptive { target: 100.0, delta: 0.1, min: 0.0, max: 0.45 };
    assert_eq!(entropy_after(under).entropy_coefficient, 0.45);
}

const LOSSES: [Loss; 6] =
    [Loss::Lte, Loss::Grpo, Loss::Dapo, Loss::DrGrpo, Loss::Gspo, Loss::Cispo];

/// A request with every term of the loss switched on.
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
            // A sampler that differs a little.
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
    // Token 66 has an embedding that overflows: in the logits (NaN), or in the backward pass only.
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

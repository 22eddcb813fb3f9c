//! Metrics of an update, see [`TrainMetrics`].

use retrial_native::c10d::GroupError;
use retrial_protocol::{KlEstimator, Quantiles, TrainMetrics};
use tch::{Kind, Tensor};

use super::head::{Scores, numbers};
use super::micro_batch::{MicroBatch, Valued};
use super::objective::kl;
use crate::ranks::Ranks;

/// Sums over the optimizer steps of an update.
#[derive(Default)]
pub struct Measured {
    clipped: f64,
    on_policy: f64,
    steps: f64,
    grad_norm: f64,
    first: FirstPass,
}

/// Sums over the first pass over the batch.
#[derive(Default)]
struct FirstPass {
    loss: f64,
    rho: Vec<f64>,
    entropy: f64,
    mismatch: f64,
    corrected: Option<f64>,
    kl: Option<f64>,
    tokens: f64,
    on_policy: f64,
}

impl Measured {
    /// Adds a micro-batch; `loss` is its part of the loss.
    pub fn micro_batch(
        &mut self,
        micro: &MicroBatch<'_>,
        scores: &Scores,
        valued: &Valued,
        loss: f64,
        first: bool,
    ) {
        let on_policy = micro.hinted.logical_not();
        let count = sum(&on_policy);
        self.on_policy += count;
        self.clipped += sum(&valued.value.clipped);
        if !first {
            return;
        }
        let sums = &mut self.first;
        sums.loss += loss;
        sums.on_policy += count;
        sums.tokens += scores.logprobs.numel() as f64;
        sums.entropy += sum(&scores.entropies);
        sums.mismatch += sum(&((&scores.logprobs - &micro.sampler).abs() * &on_policy));
        sums.rho.extend(numbers(&valued.value.ratios.masked_select(&micro.hinted)));
        if let Some(bounded) = &valued.bounded {
            *sums.corrected.get_or_insert_default() += sum(&bounded.logical_and(&on_policy));
        }
        if let Some(reference) = &micro.reference {
            let distance = &scores.logprobs - reference;
            *sums.kl.get_or_insert_default() += sum(&kl::estimate(KlEstimator::K3, &distance));
        }
    }

    /// Adds an optimizer step, with the norm of its gradient.
    pub fn step(&mut self, grad_norm: f64, first: bool) {
        if first {
            self.steps += 1.0;
            self.grad_norm += grad_norm;
        }
    }

    /// Adds the sums of the other ranks.
    pub fn of_all(&mut self, ranks: &mut Ranks) -> Result<(), GroupError> {
        let Self { clipped, on_policy, first, .. } = self;
        // Optional sums are there on all ranks that had a token, or on none.
        let there = |sum: Option<f64>| f64::from(u8::from(sum.is_some()));
        let (mut corrected, mut kl) = (first.corrected.unwrap_or(0.0), first.kl.unwrap_or(0.0));
        let (mut has_corrected, mut has_kl) = (there(first.corrected), there(first.kl));
        let sums = [
            clipped,
            on_policy,
            &mut first.loss,
            &mut first.entropy,
            &mut first.mismatch,
            &mut first.tokens,
            &mut first.on_policy,
            &mut corrected,
            &mut has_corrected,
            &mut kl,
            &mut has_kl,
        ];
        let mine: Vec<f64> = sums.iter().map(|sum| **sum).collect();
        for (sum, of_all) in sums.into_iter().zip(ranks.sum(&mine)?) {
            *sum = of_all;
        }
        first.corrected = (has_corrected > 0.0).then_some(corrected);
        first.kl = (has_kl > 0.0).then_some(kl);
        first.rho = ranks.concat(&first.rho)?;
        Ok(())
    }

    /// The metrics, from the sums.
    pub fn report(self, metrics: &mut TrainMetrics) {
        let Self { clipped, on_policy, steps, grad_norm, mut first } = self;
        let mean = |sum: f64, count: f64| (count > 0.0).then(|| sum / count);
        metrics.loss = mean(first.loss, steps).unwrap_or_default();
        metrics.grad_norm = mean(grad_norm, steps).unwrap_or_default();
        metrics.clip_fraction = mean(clipped, on_policy);
        metrics.entropy = mean(first.entropy, first.tokens);
        metrics.sampler_mismatch = mean(first.mismatch, first.on_policy);
        metrics.corrected_fraction =
            first.corrected.and_then(|corrected| mean(corrected, first.on_policy));
        metrics.kl = first.kl.and_then(|kl| mean(kl, first.tokens));
        first.rho.sort_by(f64::total_cmp);
        let at = |share: f64| first.rho[(share * (first.rho.len() - 1) as f64).round() as usize];
        metrics.rho =
            (!first.rho.is_empty()).then(|| Quantiles { p10: at(0.1), p50: at(0.5), p90: at(0.9) });
    }
}

fn sum(tensor: &Tensor) -> f64 {
    tensor.sum(Kind::Double).double_value(&[])
}

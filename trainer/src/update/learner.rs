//! One update of the policy on a batch.
//!
//! Ranks call the same collective operations in the same order, even if one of them fails. So
//! whatever may fail on a single rank, such as libtorch's work, ends in [`agree`]: all continue or none.

use std::ops::Range;
use std::time::Instant;

use retrial_native::c10d::GroupError;
use retrial_native::torch::{TorchError, attempt};
use retrial_protocol::{Part, TrainMetrics, TrainRequest};
use tch::{Kind, Tensor};

use super::adamw::AdamW;
use super::clipping::{clip, norm, scale_down};
use super::entropy;
use super::error::{LearnError, agree};
use super::forward_backward::{Pass, score};
use super::gradients::Gradients;
use super::head::{Scores, numbers};
use super::metrics::Measured;
use super::micro_batch::{self, MicroBatch, MiniBatch, Valued};
use super::sequences::{Sequence, micro_batches};
use crate::compute::Compute;
use crate::fault::{Fault, Point};
use crate::model::Decoder;
use crate::ranks::{Place, Ranks};

/// The policy in training.
pub struct Learner {
    /// Its weights.
    pub model: Decoder,
    /// The reference of a KL term.
    pub reference: Option<Decoder>,
    /// The optimizer's moments.
    pub optimizer: AdamW,
    /// Coefficient of an adaptive entropy bonus for the next update, once there was one.
    pub entropy_coefficient: Option<f64>,
    /// Where and how it computes.
    pub compute: Compute,
}

/// The request of an update.
struct Update<'a> {
    request: &'a TrainRequest,
    /// The entropy coefficient.
    coefficient: f64,
    fault: Option<Fault>,
}

/// A micro-batch after its backward pass.
struct Done {
    scores: Scores,
    valued: Valued,
    loss: f64,
}

impl Learner {
    /// A policy before its first update, on a single rank.
    pub fn new(model: Decoder, compute: Compute) -> Self {
        Self::sharded(model, compute, Place::ALONE)
    }

    /// A policy before its first update, on one of several ranks.
    pub fn sharded(model: Decoder, compute: Compute, place: Place) -> Self {
        for (_, parameter) in model.learned() {
            let _ = parameter.set_requires_grad(true);
        }
        let optimizer = AdamW::sharded(model.learned(), place);
        Self { model, reference: None, optimizer, entropy_coefficient: None, compute }
    }

    /// Takes `optimizer.epochs x optimizer.mini_batches` steps on the batch. `pi_old` stays that
    /// of before the first.
    ///
    /// Samples with advantage 0 count in the totals; they go through the model only for an entropy
    /// bonus or a KL term. A mini-batch without any gradient leaves weights and moments
    /// unchanged.
    pub fn update(&mut self, request: &TrainRequest) -> Result<TrainMetrics, LearnError> {
        self.update_among(request, &mut Ranks::alone(), None)
    }

    /// An update together with other ranks, which have the same weights and the same request. All
    /// end with the same weights, or all with an error.
    pub fn update_among(
        &mut self,
        request: &TrainRequest,
        ranks: &mut Ranks,
        fault: Option<Fault>,
    ) -> Result<TrainMetrics, LearnError> {
        let clock = Instant::now();
        let TrainRequest { batch, objective, optimizer, .. } = request;
        let config = self.model.config();
        batch.validate(config.vocabulary as usize, config.context)?;
        objective.validate()?;
        optimizer.validate()?;

        let (coefficient, next) =
            entropy::coefficient(&objective.entropy, batch, self.entropy_coefficient);
        self.entropy_coefficient = next.or(self.entropy_coefficient);
        let prepared = attempt_in(BEFORE, || self.prepare(request, coefficient, ranks.place()));
        let mini_batches = agree(ranks, prepared)?;
        let mut metrics = TrainMetrics {
            on_policy_tokens: batch.response_tokens(Part::OnPolicy),
            hinted_tokens: batch.response_tokens(Part::Hinted),
            trained_samples: mini_batches.iter().map(|mini| mini.forwarded).sum(),
            entropy_coefficient: coefficient,
            ..TrainMetrics::default()
        };
        let update = Update { request, coefficient, fault };
        let mut measured = Measured::default();
        let learned: Vec<Tensor> =
            self.model.learned().iter().map(|(_, parameter)| parameter.shallow_clone()).collect();
        for epoch in 0..optimizer.epochs {
            for mini in mini_batches.iter().filter(|mini| mini.forwarded > 0) {
                let first = epoch == 0;
                let (gradients, own) =
                    self.gradients(&update, mini, &mut measured, first, ranks)?;
                let norm = norm_among(own, ranks)?;
                if !norm.is_finite() {
                    return Err(self.culprit(request, ranks));
                }
                let stepped = attempt_in("in the optimizer's step", || {
                    scale_down(&gradients, norm, optimizer.max_grad_norm);
                    self.optimizer.step(optimizer, self.model.learned(), &gradients);
                    Ok(())
                });
                agree(ranks, stepped)?;
                ranks.gather(&learned)?;
                measured.step(norm, first);
            }
        }
        let finite = attempt_in("after the last optimizer step", || self.check_finite());
        agree(ranks, finite)?;
        measured.of_all(ranks)?;
        measured.report(&mut metrics);
        metrics.train_seconds = clock.elapsed().as_secs_f64();
        Ok(metrics)
    }

    /// Published weights must be finite.
    fn check_finite(&self) -> Result<(), LearnError> {
        let norms: Vec<Tensor> =
            self.model.learned().iter().map(|(_, parameter)| parameter.detach().norm()).collect();
        if Tensor::stack(&norms, 0).sum(Kind::Double).double_value(&[]).is_finite() {
            Ok(())
        } else {
            Err(LearnError::Diverged { what: "a weight".into() })
        }
    }

    /// Cuts the batch into micro-batches, and scores it by the old policy and by the reference, where the
    /// objective needs it.
    fn prepare<'a>(
        &self,
        request: &'a TrainRequest,
        coefficient: f64,
        place: Place,
    ) -> Result<Vec<MiniBatch<'a>>, LearnError> {
        let TrainRequest { objective, optimizer, temperature, .. } = request;
        let reference = match (objective.kl, &self.reference) {
            (None, _) => None,
            (Some(_), Some(reference)) => Some(reference),
            (Some(_), None) => return Err(LearnError::NoReference),
        };
        let mut mini_batches = micro_batch::mini_batches(
            &request.batch.samples,
            optimizer.mini_batches as usize,
            objective,
            coefficient > 0.0 || reference.is_some(),
            request.micro_batch_tokens,
            self.model.device(),
            place,
        );
        // In a single step the current policy is the old one.
        let moves = optimizer.epochs > 1 || optimizer.mini_batches > 1;
        let old = (moves && micro_batch::needs_old(objective)).then_some(&self.model);
        let logprobs = |model: &Decoder, micro: &MicroBatch<'_>| {
            attempt(|| score(model, self.compute.kind, &micro.sequences, *temperature).logprobs)
                .map_err(|error| in_micro_batch(micro, error))
        };
        for micro in mini_batches.iter_mut().flat_map(|mini| &mut mini.micro_batches) {
            micro.old = old.map(|model| logprobs(model, micro)).transpose()?;
            micro.reference = reference.map(|model| logprobs(model, micro)).transpose()?;
        }
        Ok(mini_batches)
    }

    /// This rank's share of the gradients of a mini-batch, and their norm. Gradients are sent to the other
    /// ranks during the backward pass.
    fn gradients(
        &self,
        update: &Update<'_>,
        mini: &MiniBatch<'_>,
        measured: &mut Measured,
        first: bool,
        ranks: &mut Ranks,
    ) -> Result<(Vec<Tensor>, f64), LearnError> {
        let &Update { request, coefficient, fault } = update;
        let (learned, bonus) = (self.model.learned(), coefficient / mini.tokens as f64);
        let parts = self.model.places().in_backward_order();
        let reached = |point| Fault::reached(fault, point, request.step);
        let mut gradients = Gradients::new(learned.len());
        let mut reduction = ranks.reduction(learned, &reached);
        let mut failed = None;
        for round in 0..mini.rounds {
            let mut sent = 0;
            if let (Some(micro), None) = (mini.micro_batches.get(round), &failed) {
                let part_done = |gradients: &mut Gradients, part: Range<usize>| {
                    if sent == parts.len() / 2 {
                        reached(Point::MidBackward);
                    }
                    reduction.send(gradients, part)?;
                    sent += 1;
                    Ok(())
                };
                let done = attempt(|| {
                    let done = self.gradient(request, micro, bonus, &mut gradients, part_done)?;
                    measured.micro_batch(micro, &done.scores, &done.valued, done.loss, first);
                    Ok(())
                });
                match done.unwrap_or_else(|error| Err(in_micro_batch(micro, error))) {
                    Ok(()) => continue,
                    Err(LearnError::Ranks(lost)) => return Err(lost.into()),
                    Err(error) => failed = Some(error),
                }
            }
            // The others wait for this rank's gradients, even if it has none.
            for part in &parts[sent..] {
                reduction.send(&mut gradients, part.clone())?;
            }
        }
        let shares = reduction.finish(gradients)?;
        let found = match failed {
            Some(error) => Err(error),
            None => attempt_in("in the norm of the gradients", || {
                let norm = norm(&shares);
                Ok((shares, norm))
            }),
        };
        agree(ranks, found)
    }

    /// Adds the gradient of the loss over a micro-batch; `bonus` is the entropy
    /// coefficient. Calls `part_done` as [`Pass::backward`] does.
    fn gradient(
        &self,
        request: &TrainRequest,
        micro: &MicroBatch<'_>,
        bonus: f64,
        gradients: &mut Gradients,
        part_done: impl FnMut(&mut Gradients, Range<usize>) -> Result<(), GroupError>,
    ) -> Result<Done, LearnError> {
        let Compute { kind, keep, .. } = self.compute;
        let pass = Pass::forward(&self.model, kind, &micro.sequences, request.temperature, keep);
        let logprobs = pass.scores.logprobs.detach().set_requires_grad(true);
        let valued = micro.value(&request.objective, &logprobs);
        let of_logprobs = -valued.value.gradient(&logprobs);
        let entropies = &pass.scores.entropies;
        let loss = -valued.value.objective.double_value(&[])
            - entropies.sum(Kind::Double).double_value(&[]) * bonus;
        if !loss.is_finite() {
            return Err(micro.diverged(&pass.scores));
        }
        let of_entropies = (bonus > 0.0).then(|| entropies.full_like(-bonus));
        let scores = pass.backward(&of_logprobs, of_entropies.as_ref(), gradients, part_done)?;
        Ok(Done { scores, valued, loss })
    }

    /// Finds the sample whose gradient is not finite, on whatever rank it is.
    fn culprit(&self, request: &TrainRequest, ranks: &mut Ranks) -> LearnError {
        let what = "the gradient".to_owned();
        let place = ranks.place();
        let found =
            attempt_in("in the search for a sample", || self.look_for_culprit(request, place));
        match agree(ranks, found) {
            Ok(()) => LearnError::Diverged { what },
            Err(error) => error,
        }
    }

    /// Fails with the first of this rank's samples whose gradient is not finite.
    fn look_for_culprit(&self, request: &TrainRequest, place: Place) -> Result<(), LearnError> {
        // One sample in each forward pass.
        let alone = TrainRequest { micro_batch_tokens: 1, ..request.clone() };
        let mini_batches = self.prepare(&alone, 0.0, place)?;
        for micro in mini_batches.iter().flat_map(|mini| &mini.micro_batches) {
            let mut gradients = Gradients::new(self.model.learned().len());
            self.gradient(&alone, micro, 0.0, &mut gradients, |_, _| Ok(()))?;
            let gradients = gradients.finish(self.model.learned());
            if !clip(&gradients, f64::INFINITY).is_finite() {
                let what = format!("the gradient of sample {} of the batch", micro.positions[0]);
                return Err(LearnError::Diverged { what });
            }
        }
        Ok(())
    }
}

/// Log-probabilities of each sequence's tokens after its first at a sampling temperature, nats.
pub fn logprobs<'a>(
    model: &Decoder,
    kind: Kind,
    sequences: &'a [Vec<u32>],
    temperature: f64,
    budget: usize,
) -> Vec<Vec<f32>> {
    let split = |sequence: &'a Vec<u32>| {
        let (prompt, response) = sequence.split_at(1);
        Sequence { prompt, response }
    };
    let sequences: Vec<Sequence<'_>> = sequences.iter().map(split).collect();
    let mut scores = vec![Vec::new(); sequences.len()];
    for positions in micro_batches(&sequences, budget) {
        let pieces: Vec<Sequence<'_>> =
            positions.iter().map(|&position| sequences[position]).collect();
        let scored = score(model, kind, &pieces, temperature);
        let mut flat = numbers(&scored.logprobs).into_iter().map(|x| x as f32);
        for (position, piece) in positions.iter().zip(&pieces) {
            scores[*position] = flat.by_ref().take(piece.response.len()).collect();
        }
    }
    scores
}

const BEFORE: &str = "before the first optimizer step";

/// Runs work of an update outside the passes over micro-batches.
fn attempt_in<T>(
    during: &str,
    work: impl FnOnce() -> Result<T, LearnError>,
) -> Result<T, LearnError> {
    attempt(work).unwrap_or_else(|error| Err(LearnError::elsewhere_in_update(during, error)))
}

fn in_micro_batch(micro: &MicroBatch<'_>, error: TorchError) -> LearnError {
    LearnError::in_micro_batch(micro.tokens(), micro.sequences.len(), error)
}

/// The global norm of the gradients, given the norm `own` of this rank's share.
fn norm_among(own: f64, ranks: &mut Ranks) -> Result<f64, GroupError> {
    if ranks.place() == Place::ALONE {
        return Ok(own);
    }
    Ok(ranks.sum(&[own.powi(2)])?[0].sqrt())
}

//! One update of the policy on a batch.

use std::ops::Range;
use std::time::Instant;

use retrial_native::c10d::GroupError;
use retrial_protocol::{
    Batch, Entropy, InvalidBatch, InvalidObjective, Part, TrainMetrics, TrainRequest,
};
use tch::{Kind, Tensor};

use crate::adamw::AdamW;
use crate::compute::Compute;
use crate::fault::{Fault, Point};
use crate::gradients::Gradients;
use crate::head::Scores;
use crate::micro::{self, MicroBatch, MiniBatch, Valued};
use crate::model::Decoder;
use crate::pass::{self, Pass};
use crate::ranks::{Place, Ranks};
use crate::seen::{Seen, numbers};
use crate::sequences::{Sequence, micro_batches};

/// The policy while it learns.
pub struct Learner {
    /// Its weights.
    pub model: Decoder,
    /// The model that a KL term holds it to.
    pub reference: Option<Decoder>,
    /// The optimizer's moments.
    pub optimizer: AdamW,
    /// Coefficient of an adaptive entropy bonus for the next update, once there was one.
    pub entropy_coefficient: Option<f64>,
    /// Where and how it computes.
    pub compute: Compute,
}

/// What is asked of an update.
struct Update<'a> {
    request: &'a TrainRequest,
    /// What the entropy is weighed by.
    coefficient: f64,
    fault: Option<Fault>,
}

/// A micro-batch whose gradient was added.
struct Done {
    scores: Scores,
    valued: Valued,
    loss: f64,
}

/// Why an update was refused or given up. After [`Self::Diverged`] the weights in memory are not to
/// be used.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// The batch is not sound.
    #[error(transparent)]
    Batch(#[from] InvalidBatch),
    /// A setting is out of its range.
    #[error(transparent)]
    Settings(#[from] InvalidObjective),
    /// The objective has a KL term, and there is no reference.
    #[error("the objective has a KL term, and no reference model was loaded")]
    NoReference,
    /// A number is not finite any more.
    #[error("{what} is not finite\nhint: lower the learning rate, or look at the batch")]
    Diverged {
        /// Which number.
        what: String,
    },
    /// The ranks are not together any more.
    #[error(transparent)]
    Ranks(#[from] GroupError),
}

impl Learner {
    /// A policy that is about to learn for the first time, on one rank.
    pub fn new(model: Decoder, compute: Compute) -> Self {
        Self::sharded(model, compute, Place::ALONE)
    }

    /// The same on one of several ranks.
    pub fn sharded(model: Decoder, compute: Compute, place: Place) -> Self {
        for (_, parameter) in model.learned() {
            let _ = parameter.set_requires_grad(true);
        }
        let optimizer = AdamW::sharded(model.learned(), place);
        Self { model, reference: None, optimizer, entropy_coefficient: None, compute }
    }

    /// Takes `optimizer.epochs x optimizer.mini_batches` steps on the batch. `pi_old` stays what it
    /// was before the first.
    ///
    /// Samples with advantage 0 count in the totals; they go through the model only for an entropy
    /// bonus or a KL term. A mini-batch that gives no gradient at all leaves weights and moments as
    /// they are.
    pub fn update(&mut self, request: &TrainRequest) -> Result<TrainMetrics, LearnError> {
        self.update_among(request, &mut Ranks::alone(), None)
    }

    /// The same together with other ranks, which have the same weights and the same request. They
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

        let coefficient = self.entropy_coefficient(&objective.entropy, batch);
        let mini_batches = self.prepare(request, coefficient, ranks.place())?;
        let mut metrics = TrainMetrics {
            on_policy_tokens: batch.response_tokens(Part::OnPolicy),
            hinted_tokens: batch.response_tokens(Part::Hinted),
            trained_samples: mini_batches.iter().map(|mini| mini.taught).sum(),
            entropy_coefficient: coefficient,
            ..TrainMetrics::default()
        };
        let update = Update { request, coefficient, fault };
        let mut seen = Seen::default();
        let learned: Vec<Tensor> =
            self.model.learned().iter().map(|(_, parameter)| parameter.shallow_clone()).collect();
        for epoch in 0..optimizer.epochs {
            for mini in mini_batches.iter().filter(|mini| mini.taught > 0) {
                let first = epoch == 0;
                let gradients = self.gradients(&update, mini, &mut seen, first, ranks)?;
                let norm = clip_among(&gradients, optimizer.max_grad_norm, ranks)?;
                if !norm.is_finite() {
                    return Err(self.culprit(request, ranks));
                }
                self.optimizer.step(optimizer, self.model.learned(), &gradients);
                ranks.gather(&learned)?;
                seen.step(norm, first);
            }
        }
        // Published weights are finite.
        let norms: Vec<Tensor> =
            self.model.learned().iter().map(|(_, parameter)| parameter.detach().norm()).collect();
        if !Tensor::stack(&norms, 0).sum(Kind::Double).double_value(&[]).is_finite() {
            return Err(LearnError::Diverged { what: "a weight".into() });
        }
        seen.of_all(ranks)?;
        seen.report(&mut metrics);
        metrics.train_seconds = clock.elapsed().as_secs_f64();
        Ok(metrics)
    }

    /// Cuts the batch, and scores it by the policy as it is and by the reference, where the
    /// objective asks for it.
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
        let mut mini_batches = micro::mini_batches(
            &request.batch.samples,
            optimizer.mini_batches as usize,
            objective,
            coefficient > 0.0 || reference.is_some(),
            request.micro_batch_tokens,
            self.model.device(),
            place,
        );
        // Of a single step the present policy is the old one.
        let moves = optimizer.epochs > 1 || optimizer.mini_batches > 1;
        let score = |model: &Decoder, micro: &MicroBatch<'_>| {
            pass::score(model, self.compute.kind, &micro.sequences, *temperature).logprobs
        };
        for micro in mini_batches.iter_mut().flat_map(|mini| &mut mini.micro_batches) {
            micro.old = (moves && micro::needs_old(objective)).then(|| score(&self.model, micro));
            micro.reference = reference.map(|reference| score(reference, micro));
        }
        Ok(mini_batches)
    }

    /// This rank's share of the gradients of a mini-batch. They go to the other ranks while the way
    /// back goes on.
    fn gradients(
        &self,
        update: &Update<'_>,
        mini: &MiniBatch<'_>,
        seen: &mut Seen,
        first: bool,
        ranks: &mut Ranks,
    ) -> Result<Vec<Tensor>, LearnError> {
        let &Update { request, coefficient, fault } = update;
        let (learned, bonus) = (self.model.learned(), coefficient / mini.tokens as f64);
        let parts = self.model.places().on_the_way_back();
        let reached = |point| Fault::reached(fault, point, request.step);
        let mut gradients = Gradients::new(learned.len());
        let mut reduction = ranks.reduction(learned, &reached);
        let mut send = |gradients: &mut Gradients, part: Range<usize>| {
            if part == parts[parts.len() / 2] {
                reached(Point::MidBackward);
            }
            reduction.send(gradients, part)
        };
        let mut failed = None;
        for round in 0..mini.rounds {
            if let (Some(micro), None) = (mini.micro_batches.get(round), &failed) {
                match self.gradient(request, micro, bonus, &mut gradients, &mut send) {
                    Ok(done) => {
                        seen.micro_batch(micro, &done.scores, &done.valued, done.loss, first);
                        continue;
                    }
                    Err(LearnError::Ranks(lost)) => return Err(lost.into()),
                    // Nothing of it was sent: what is found is found on the way forward.
                    Err(error) => failed = Some(error),
                }
            }
            // The others wait for what this rank has: nothing.
            for part in &parts {
                send(&mut gradients, part.clone())?;
            }
        }
        let shares = reduction.finish(gradients)?;
        agree(ranks, failed.map_or(Ok(shares), Err))
    }

    /// Adds the gradient of the loss over a micro-batch; `bonus` is what the entropy of each token
    /// is weighed by. Calls `part_done` as [`Pass::backward`] does.
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
        match agree(ranks, self.look_for_culprit(request, ranks.place())) {
            Ok(()) => LearnError::Diverged { what },
            Err(error) => error,
        }
    }

    /// Fails with this rank's sample whose gradient is not finite, one after another.
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

    /// Log-probabilities of each sequence's tokens after its first at a sampling temperature, nats.
    pub fn logprobs(
        &self,
        sequences: &[Vec<u32>],
        temperature: f64,
        budget: usize,
    ) -> Vec<Vec<f32>> {
        let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
        let mut scores = vec![Vec::new(); sequences.len()];
        for positions in micro_batches(&lengths, budget) {
            let split = |&position: &usize| {
                let (prompt, response) = sequences[position].split_at(1);
                Sequence { prompt, response }
            };
            let pieces: Vec<Sequence<'_>> = positions.iter().map(split).collect();
            let scored = pass::score(&self.model, self.compute.kind, &pieces, temperature);
            let mut flat = numbers(&scored.logprobs).into_iter().map(|x| x as f32);
            for (position, piece) in positions.iter().zip(&pieces) {
                scores[*position] = flat.by_ref().take(piece.response.len()).collect();
            }
        }
        scores
    }

    /// The coefficient of the entropy bonus for this batch; an adaptive one moves on for the next.
    ///
    /// Minus the mean log-probability of the tokens that were sampled on their own prompt is an
    /// unbiased estimate of the policy's entropy, and costs nothing.
    fn entropy_coefficient(&mut self, entropy: &Entropy, batch: &Batch) -> f64 {
        match *entropy {
            Entropy::Off => 0.0,
            Entropy::Constant { coefficient } => coefficient,
            Entropy::Adaptive { target, delta, min, max } => {
                let on_policy = batch.samples.iter().filter(|sample| sample.part == Part::OnPolicy);
                let (count, sum) = on_policy
                    .flat_map(|sample| &sample.sampler_logprobs)
                    .fold((0_u64, 0.0), |(count, sum), &x| (count + 1, sum - f64::from(x)));
                let coefficient = self.entropy_coefficient.unwrap_or(min).clamp(min, max);
                if count == 0 {
                    return 0.0;
                }
                let under = sum / count as f64 <= target;
                let step = if under { delta } else { -delta };
                self.entropy_coefficient = Some((coefficient + step).clamp(min, max));
                if under { coefficient } else { 0.0 }
            }
        }
    }
}

/// What this rank found if no rank failed, or an error on all ranks.
fn agree<T>(ranks: &mut Ranks, mine: Result<T, LearnError>) -> Result<T, LearnError> {
    let error = mine.as_ref().err().map(|error| match error {
        LearnError::Diverged { what } => what.clone(),
        other => other.to_string(),
    });
    match ranks.failure(error)? {
        Some(failure) if mine.is_ok() => Err(LearnError::Diverged { what: failure.error }),
        _ => mine,
    }
}

/// Scales gradients down to a common norm of at most `limit`; returns the norm they had.
pub fn clip(gradients: &[Tensor], limit: f64) -> f64 {
    let norm = norm(gradients);
    scale_down(gradients, norm, limit);
    norm
}

/// The same where each rank has a share of the gradients.
fn clip_among(gradients: &[Tensor], limit: f64, ranks: &mut Ranks) -> Result<f64, GroupError> {
    if ranks.place() == Place::ALONE {
        return Ok(clip(gradients, limit));
    }
    let norm = ranks.sum(&[norm(gradients).powi(2)])?[0].sqrt();
    scale_down(gradients, norm, limit);
    Ok(norm)
}

fn norm(gradients: &[Tensor]) -> f64 {
    let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
    Tensor::stack(&norms, 0).norm().double_value(&[])
}

fn scale_down(gradients: &[Tensor], norm: f64, limit: f64) {
    if norm.is_finite() && norm > limit {
        for gradient in gradients {
            let _ = gradient.shallow_clone().g_mul_scalar_(limit / (norm + 1e-6));
        }
    }
}

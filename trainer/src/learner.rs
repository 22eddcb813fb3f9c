//! One update of the policy on a batch.

use std::time::Instant;

use retrial_protocol::{
    Batch, Denominator, Entropy, InvalidBatch, InvalidObjective, Objective, Part, Quantiles,
    Sample, TrainMetrics, TrainRequest,
};
use tch::{Device, Kind, Tensor};

use crate::adamw::AdamW;
use crate::gradients::Gradients;
use crate::head::Scores;
use crate::model::Decoder;
use crate::objective::{self, TokenCounts, Tokens, Value};
use crate::pass::{self, Keep, Pass};
use crate::sequences::{Sequence, micro_batches};

/// The policy while it learns.
pub struct Learner {
    /// Its weights.
    pub model: Decoder,
    /// The optimizer's moments.
    pub optimizer: AdamW,
    /// Coefficient of an adaptive entropy bonus for the next update, once there was one.
    pub entropy_coefficient: Option<f64>,
    /// The kind of activations and products; weights, moments and gradients are f32.
    pub kind: Kind,
    /// What is kept of a forward pass.
    pub keep: Keep,
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
    /// A number is not finite any more.
    #[error("{what} is not finite\nhint: lower the learning rate, or look at the batch")]
    Diverged {
        /// Which number.
        what: String,
    },
}

/// Samples that go through the model together.
struct MicroBatch<'a> {
    /// Positions of the samples in the batch.
    positions: Vec<usize>,
    sequences: Vec<Sequence<'a>>,
    /// Log-probabilities that the sampler reported, `[N]`.
    sampler: Tensor,
    /// Logarithm of the ratio's denominator, `[N]`.
    old: Tensor,
    /// `[N]`.
    advantages: Tensor,
    /// `[N]`, bool.
    hinted: Tensor,
}

/// What was seen in one pass over the batch.
#[derive(Default)]
struct Seen {
    loss: f64,
    clipped: i64,
    on_policy: i64,
    rho: Vec<f64>,
    entropy: f64,
    mismatch: f64,
    tokens: i64,
}

impl Learner {
    /// A policy that is about to learn for the first time.
    pub fn new(model: Decoder) -> Self {
        for (_, parameter) in model.parameters() {
            let _ = parameter.set_requires_grad(true);
        }
        let optimizer = AdamW::new(model.parameters());
        Self { model, optimizer, entropy_coefficient: None, kind: Kind::Float, keep: Keep::Graphs }
    }

    /// Takes `optimizer.epochs` steps on the batch. `pi_old` stays what it was before the first.
    ///
    /// Samples with advantage 0 count in Z and Z'; they go through the model only for an entropy
    /// bonus. A batch that gives no gradient at all leaves weights and moments as they are.
    pub fn update(&mut self, request: &TrainRequest) -> Result<TrainMetrics, LearnError> {
        let clock = Instant::now();
        let TrainRequest { batch, objective, optimizer, temperature, .. } = request;
        let config = self.model.config();
        batch.validate(config.vocabulary as usize, config.context)?;
        objective.validate()?;
        optimizer.validate()?;

        let coefficient = self.entropy_coefficient(&objective.entropy, batch);
        let micro_batches = self.prepare(request, coefficient > 0.0);
        let counts = TokenCounts::of(batch, objective.normalisation);
        let mut metrics = TrainMetrics {
            on_policy_tokens: batch.response_tokens(Part::OnPolicy),
            hinted_tokens: batch.response_tokens(Part::Hinted),
            trained_samples: micro_batches.iter().map(|micro| micro.positions.len()).sum(),
            entropy_coefficient: coefficient,
            ..TrainMetrics::default()
        };

        let (mut clipped, mut on_policy) = (0, 0);
        let epochs = if micro_batches.is_empty() { 0 } else { optimizer.epochs };
        for epoch in 0..epochs {
            let mut gradients = Gradients::new(self.model.parameters().len());
            let mut seen = Seen::default();
            for micro in &micro_batches {
                let pass = Pass::forward(
                    &self.model,
                    self.kind,
                    &micro.sequences,
                    *temperature,
                    self.keep,
                );
                let logprobs = pass.scores.logprobs.detach().set_requires_grad(true);
                let value = objective::value(objective, &micro.tokens(&logprobs), counts);
                let mut loss = -value.objective.double_value(&[]);
                let of_logprobs = -value.gradient(&logprobs);
                let mut of_entropies = None;
                if coefficient > 0.0 {
                    let all = metrics.on_policy_tokens + metrics.hinted_tokens;
                    let weight = coefficient / all as f64;
                    loss -= pass.scores.entropies.sum(Kind::Double).double_value(&[]) * weight;
                    of_entropies = Some(pass.scores.entropies.full_like(-weight));
                }
                if !loss.is_finite() {
                    return Err(micro.diverged(&pass.scores));
                }
                seen.loss += loss;
                seen.see(micro, &pass.scores, &value, epoch == 0);
                pass.backward(&of_logprobs, of_entropies.as_ref(), &mut gradients);
            }
            let gradients = gradients.finish(self.model.parameters());
            let norm = clip(&gradients, optimizer.max_grad_norm);
            if !norm.is_finite() {
                return Err(LearnError::Diverged { what: "the gradient".into() });
            }
            self.optimizer.step(optimizer, self.model.parameters(), &gradients);
            clipped += seen.clipped;
            on_policy += seen.on_policy;
            if epoch == 0 {
                seen.report(&mut metrics);
                metrics.grad_norm = norm;
            }
        }
        // Published weights are finite.
        let norms: Vec<Tensor> = self
            .model
            .parameters()
            .iter()
            .map(|(_, parameter)| parameter.detach().norm())
            .collect();
        if !Tensor::stack(&norms, 0).sum(Kind::Double).double_value(&[]).is_finite() {
            return Err(LearnError::Diverged { what: "a weight".into() });
        }
        metrics.clip_fraction = (on_policy > 0).then(|| clipped as f64 / on_policy as f64);
        metrics.train_seconds = clock.elapsed().as_secs_f64();
        Ok(metrics)
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
            let scored = pass::score(&self.model, self.kind, &pieces, temperature);
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

    fn prepare<'a>(&self, request: &'a TrainRequest, every_sample: bool) -> Vec<MicroBatch<'a>> {
        let samples = &request.batch.samples;
        let taught: Vec<usize> = (0..samples.len())
            .filter(|&position| every_sample || samples[position].advantage != 0.0)
            .collect();
        let lengths: Vec<usize> =
            taught.iter().map(|&position| samples[position].tokens()).collect();
        micro_batches(&lengths, request.micro_batch_tokens)
            .into_iter()
            .map(|chosen| {
                let positions: Vec<usize> = chosen.into_iter().map(|index| taught[index]).collect();
                let mut micro = MicroBatch::new(samples, positions, self.model.device());
                micro.old = self.denominator(&request.objective, request.temperature, &micro);
                micro
            })
            .collect()
    }

    /// The logarithm of what the ratio is divided by, `[N]`: `pi_old` for the on-policy part, and
    /// for the hinted part what the objective says.
    fn denominator(
        &self,
        objective: &Objective,
        temperature: f64,
        micro: &MicroBatch<'_>,
    ) -> Tensor {
        let hinted = match objective.denominator {
            Denominator::Hinted => return micro.sampler.shallow_clone(),
            Denominator::Unit => micro.sampler.zeros_like(),
            Denominator::Unhinted => {
                pass::score(&self.model, self.kind, &micro.sequences, temperature).logprobs
            }
        };
        hinted.where_self(&micro.hinted, &micro.sampler)
    }
}

impl<'a> MicroBatch<'a> {
    fn new(samples: &'a [Sample], positions: Vec<usize>, device: Device) -> Self {
        let chosen: Vec<&Sample> = positions.iter().map(|&position| &samples[position]).collect();
        let spread = |value: &dyn Fn(&Sample) -> f32| {
            let values: Vec<f32> = chosen
                .iter()
                .flat_map(|sample| std::iter::repeat_n(value(sample), sample.response.len()))
                .collect();
            Tensor::from_slice(&values).to_device(device)
        };
        let sampler: Vec<f32> =
            chosen.iter().flat_map(|sample| sample.sampler_logprobs.iter().copied()).collect();
        let sampler = Tensor::from_slice(&sampler).to_device(device);
        let sequences = chosen
            .iter()
            .map(|sample| Sequence { prompt: &sample.prompt, response: &sample.response })
            .collect();
        Self {
            advantages: spread(&|sample| sample.advantage),
            hinted: spread(&|sample| f32::from(u8::from(sample.part == Part::Hinted))).ne(0.0),
            old: sampler.shallow_clone(),
            sampler,
            sequences,
            positions,
        }
    }

    fn tokens<'b>(&'b self, logprobs: &'b Tensor) -> Tokens<'b> {
        let Self { old, advantages, hinted, .. } = self;
        Tokens { logprobs, old, advantages, hinted }
    }

    /// Names the sample whose log-probabilities are not finite, if it is one of them.
    fn diverged(&self, scored: &Scores) -> LearnError {
        let mut flat = numbers(&scored.logprobs).into_iter();
        let bad =
            self.positions.iter().zip(&self.sequences).find(|(_, sequence)| {
                !flat.by_ref().take(sequence.response.len()).all(f64::is_finite)
            });
        let what = match bad {
            Some((position, _)) => format!("a log-probability of sample {position} of the batch"),
            None => "the loss".into(),
        };
        LearnError::Diverged { what }
    }
}

impl Seen {
    fn see(&mut self, micro: &MicroBatch<'_>, scored: &Scores, value: &Value, first: bool) {
        let count = |mask: &Tensor| mask.sum(Kind::Int64).int64_value(&[]);
        let on_policy = micro.hinted.logical_not();
        self.on_policy += count(&on_policy);
        self.clipped += count(&value.clipped);
        if !first {
            return;
        }
        tch::no_grad(|| {
            let sum = |values: Tensor| values.sum(Kind::Double).double_value(&[]);
            let mismatch = (&scored.logprobs - &micro.sampler).abs() * on_policy;
            self.mismatch += sum(mismatch);
            self.entropy += sum(scored.entropies.shallow_clone());
            self.tokens += scored.logprobs.size()[0];
            self.rho.extend(numbers(&value.ratios.masked_select(&micro.hinted)));
        });
    }

    fn report(mut self, metrics: &mut TrainMetrics) {
        metrics.loss = self.loss;
        metrics.entropy = (self.tokens > 0).then(|| self.entropy / self.tokens as f64);
        metrics.sampler_mismatch =
            (self.on_policy > 0).then(|| self.mismatch / self.on_policy as f64);
        self.rho.sort_by(f64::total_cmp);
        let at = |share: f64| self.rho[(share * (self.rho.len() - 1) as f64).round() as usize];
        metrics.rho =
            (!self.rho.is_empty()).then(|| Quantiles { p10: at(0.1), p50: at(0.5), p90: at(0.9) });
    }
}

/// Scales gradients down to a common norm of at most `limit`; returns the norm they had.
pub fn clip(gradients: &[Tensor], limit: f64) -> f64 {
    let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
    let norm = Tensor::stack(&norms, 0).norm().double_value(&[]);
    if norm.is_finite() && norm > limit {
        for gradient in gradients {
            let _ = gradient.shallow_clone().g_mul_scalar_(limit / (norm + 1e-6));
        }
    }
    norm
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Double);
    Vec::try_from(flat.flatten(0, -1)).expect("a one-dimensional tensor of f64")
}

//! Micro-batches: samples that go through the model together, as streams of one number a token.

use retrial_protocol::{Correction, Denominator, Objective, Part, Sample};
use tch::{Device, Kind, Tensor};

use super::error::LearnError;
use super::head::Scores;
use super::objective::{self, Tokens, Totals, Value, correction};
use super::sequences::{self, Sequence, deal, micro_batches};
use crate::ranks::Place;

/// The samples of one optimizer step.
pub struct MiniBatch<'a> {
    /// Response tokens, including samples without advantage.
    pub tokens: usize,
    /// Samples in the forward pass, on any rank.
    pub forwarded: usize,
    /// The micro-batches of this rank.
    pub micro_batches: Vec<MicroBatch<'a>>,
    /// Largest number of micro-batches of any rank.
    pub rounds: usize,
}

/// Samples of one forward pass: N response tokens of S samples.
pub struct MicroBatch<'a> {
    /// Positions of the samples in the batch.
    pub positions: Vec<usize>,
    /// Prompts and responses.
    pub sequences: Vec<Sequence<'a>>,
    /// Log-probabilities reported by the sampler, `[N]`, nats.
    pub sampler: Tensor,
    /// Log-probabilities of the policy before the first optimizer step, `[N]`; none if that is the current one.
    pub old: Option<Tensor>,
    /// Log-probabilities of the reference, `[N]`, if there is a KL term.
    pub reference: Option<Tensor>,
    /// Whether the token's sample belongs to the hinted part, `[N]`, bool.
    pub hinted: Tensor,
    advantages: Tensor,
    weights: Tensor,
    samples: Tensor,
    lengths: Tensor,
}

/// The objective over a micro-batch.
pub struct Valued {
    /// Its value, with its graph.
    pub value: Value,
    /// Tokens whose correction was truncated, `[N]`, if there is a correction.
    pub bounded: Option<Tensor>,
}

/// Cuts a batch into mini-batches of similar size, in its order, and these into micro-batches of at
/// most `budget` tokens. Samples without advantage only count, unless `every_sample` is set.
/// Ranks share the samples of each mini-batch; its counts are the same on all.
pub fn mini_batches<'a>(
    samples: &'a [Sample],
    count: usize,
    objective: &Objective,
    every_sample: bool,
    budget: usize,
    device: Device,
    place: Place,
) -> Vec<MiniBatch<'a>> {
    let size = samples.len().div_ceil(count).max(1);
    let starts = (0..samples.len()).step_by(size);
    starts
        .map(|start| {
            let end = (start + size).min(samples.len());
            let totals = Totals::of(&samples[start..end], objective.normalisation);
            let forwarded: Vec<usize> = (start..end)
                .filter(|&position| every_sample || samples[position].advantage != 0.0)
                .collect();
            let sequences = |positions: &[usize]| -> Vec<Sequence<'_>> {
                positions.iter().map(|&position| sequence(&samples[position])).collect()
            };
            let cut = |shard: Vec<usize>| -> Vec<Vec<usize>> {
                let own: Vec<usize> = shard.into_iter().map(|index| forwarded[index]).collect();
                let positions = |chosen: Vec<usize>| chosen.into_iter().map(|i| own[i]).collect();
                micro_batches(&sequences(&own), budget).into_iter().map(positions).collect()
            };
            let shards = deal(&sequences(&forwarded), place.world);
            let mut of_ranks: Vec<_> = shards.into_iter().map(cut).collect();
            let rounds = of_ranks.iter().map(Vec::len).max().unwrap_or_default();
            let micro_batches = of_ranks
                .swap_remove(place.rank)
                .into_iter()
                .map(|positions| MicroBatch::new(samples, positions, objective, &totals, device))
                .collect();
            let tokens = samples[start..end].iter().map(|sample| sample.response.len()).sum();
            MiniBatch { tokens, forwarded: forwarded.len(), micro_batches, rounds }
        })
        .collect()
}

impl<'a> MicroBatch<'a> {
    fn new(
        samples: &'a [Sample],
        positions: Vec<usize>,
        objective: &Objective,
        totals: &Totals,
        device: Device,
    ) -> Self {
        let chosen: Vec<&Sample> = positions.iter().map(|&position| &samples[position]).collect();
        let spread = |value: &dyn Fn(usize, &Sample) -> f32| {
            let of_sample = |(index, sample): (usize, &&Sample)| {
                std::iter::repeat_n(value(index, sample), sample.response.len())
            };
            let values: Vec<f32> = chosen.iter().enumerate().flat_map(of_sample).collect();
            Tensor::from_slice(&values).to_device(device)
        };
        let weight = |_: usize, sample: &Sample| {
            let totals = totals.of_part(sample.part);
            objective::weight(objective, totals, sample.response.len()) as f32
        };
        let sampler: Vec<f32> =
            chosen.iter().flat_map(|sample| sample.sampler_logprobs.iter().copied()).collect();
        let lengths: Vec<f32> = chosen.iter().map(|sample| sample.response.len() as f32).collect();
        let sequences = chosen.iter().map(|sample| sequence(sample)).collect();
        let is_hinted = |_: usize, sample: &Sample| f32::from(sample.part == Part::Hinted);
        Self {
            hinted: spread(&is_hinted).ne(0.0),
            advantages: spread(&|_, sample| sample.advantage),
            weights: spread(&weight),
            samples: spread(&|index, _| index as f32).to_kind(Kind::Int64),
            lengths: Tensor::from_slice(&lengths).to_device(device),
            sampler: Tensor::from_slice(&sampler).to_device(device),
            old: None,
            reference: None,
            sequences,
            positions,
        }
    }

    /// Tokens of its prompts and responses, shared prompts once.
    pub fn tokens(&self) -> usize {
        sequences::tokens(&self.sequences)
    }

    /// The objective over these samples, as a function of the policy's log-probabilities, `[N]`, which
    /// start the graph.
    pub fn value(&self, settings: &Objective, logprobs: &Tensor) -> Valued {
        let present = logprobs.detach();
        let old = self.old.as_ref().unwrap_or(&present);
        let on_policy = match settings.correction {
            Correction::Off => &self.sampler,
            Correction::Tis { .. } | Correction::IcePop { .. } => old,
        };
        let hinted = match settings.denominator {
            Denominator::Hinted => self.sampler.shallow_clone(),
            Denominator::Unit => self.sampler.zeros_like(),
            Denominator::Unhinted => old.shallow_clone(),
        };
        let mismatch = old - &self.sampler;
        let corrected =
            correction::weights(settings.correction, &mismatch, &self.samples, &self.lengths);
        let tokens = Tokens {
            logprobs,
            old: &hinted.where_self(&self.hinted, on_policy),
            reference: self.reference.as_ref(),
            correction: corrected.as_ref().map(|corrected| &corrected.weights),
            advantages: &self.advantages,
            weights: &self.weights,
            hinted: &self.hinted,
            samples: &self.samples,
            lengths: &self.lengths,
        };
        let value = objective::value(settings, &tokens);
        Valued { value, bounded: corrected.map(|corrected| corrected.bounded) }
    }

    /// Names the first sample with log-probabilities that are not finite.
    pub fn diverged(&self, scores: &Scores) -> LearnError {
        let finite = scores.logprobs.isfinite().to_kind(Kind::Int64);
        let finite: Vec<i64> = Vec::try_from(&finite).expect("a one-dimensional tensor");
        let mut flat = finite.into_iter();
        let bad = self.positions.iter().zip(&self.sequences).find(|(_, sequence)| {
            // Takes all of a sample's tokens, whatever they are.
            flat.by_ref().take(sequence.response.len()).filter(|&finite| finite == 0).count() > 0
        });
        let what = match bad {
            Some((position, _)) => format!("a log-probability of sample {position} of the batch"),
            None => "the loss".into(),
        };
        LearnError::Diverged { what }
    }
}

fn sequence(sample: &Sample) -> Sequence<'_> {
    Sequence { prompt: &sample.prompt, response: &sample.response }
}

/// Whether an objective needs the log-probabilities of the policy before the first step.
pub fn needs_old(settings: &Objective) -> bool {
    settings.correction != Correction::Off || settings.denominator == Denominator::Unhinted
}

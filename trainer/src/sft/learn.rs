//! One optimizer step on examples, and the loss of examples that are not trained on. This is the only
//! file here that knows how passes and gradients are made.
//!
//! Ranks share the examples of a step. They call the same collective operations in the same order; a
//! rank that fails ends, and the others notice.

use anyhow::{Result, ensure};
use retrial_protocol::Optimizer;
use tch::{Kind, Tensor};

use super::examples::Example;
use crate::compute::Compute;
use crate::ranks::{Place, Ranks};
use crate::update::Learner;
use crate::update::clipping::{norm, scale_down};
use crate::update::forward_backward::{Pass, score};
use crate::update::gradients::Gradients;
use crate::update::sequences::{Sequence, deal, micro_batches};

/// A step that was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// The mean negative log-likelihood of the response tokens before the step, nats.
    pub loss: f64,
    /// The norm of the gradient before clipping.
    pub grad_norm: f64,
}

/// The examples of one rank, a list of positions for each forward pass.
struct Shard {
    passes: Vec<Vec<usize>>,
    /// The largest number of passes of any rank.
    rounds: usize,
}

impl Shard {
    fn new(examples: &[&Example], budget: usize, place: Place) -> Self {
        let all: Vec<Sequence<'_>> = examples.iter().map(|example| example.sequence()).collect();
        let cut = |own: Vec<usize>| -> Vec<Vec<usize>> {
            let of_own: Vec<Sequence<'_>> = own.iter().map(|&position| all[position]).collect();
            let positions = |pass: Vec<usize>| pass.into_iter().map(|index| own[index]).collect();
            micro_batches(&of_own, budget).into_iter().map(positions).collect()
        };
        let mut of_ranks: Vec<_> = deal(&all, place.world).into_iter().map(cut).collect();
        let rounds = of_ranks.iter().map(Vec::len).max().unwrap_or_default();
        Self { passes: of_ranks.swap_remove(place.rank), rounds }
    }
}

/// Takes a step on the mean negative log-likelihood of the response tokens. `passed` is called with the
/// share of the step that is done, after each layer of a backward pass.
pub(super) fn step(
    learner: &mut Learner,
    ranks: &mut Ranks,
    settings: &Optimizer,
    examples: &[&Example],
    budget: usize,
    mut passed: impl FnMut(f64),
) -> Result<Taken> {
    let place = ranks.place();
    let Learner { model, optimizer, compute, .. } = learner;
    let Compute { kind, keep, .. } = *compute;
    let learned = model.learned();
    let parts = model.places().in_backward_order();
    let count = response_tokens(examples) as f64;
    let Shard { passes, rounds } = Shard::new(examples, budget, place);
    let mut gradients = Gradients::new(learned.len());
    let mut reduction = ranks.reduction(learned, &|_| {});
    let mut loss = 0.0;
    for round in 0..rounds {
        match passes.get(round) {
            Some(positions) => {
                let sequences = sequences(examples, positions);
                let pass = Pass::forward(model, kind, &sequences, 1.0, keep);
                let logprobs = &pass.scores.logprobs;
                loss -= logprobs.sum(Kind::Double).double_value(&[]) / count;
                let slope = logprobs.full_like(-1.0 / count);
                let mut sent = 0;
                pass.backward(&slope, None, &mut gradients, |gradients, part| {
                    sent += 1;
                    // The forward pass is a third of the work.
                    let of_pass = (1.0 + 2.0 * f64::from(sent) / parts.len() as f64) / 3.0;
                    passed((round as f64 + of_pass) / rounds as f64);
                    reduction.send(gradients, part)
                })?;
            }
            // The others wait for this rank's gradients, even if it has none.
            None => {
                for part in &parts {
                    reduction.send(&mut gradients, part.clone())?;
                }
            }
        }
    }
    let shares = reduction.finish(gradients)?;
    let own = norm(&shares);
    let sums = ranks.sum(&[loss, own.powi(2)])?;
    let taken = Taken {
        loss: sums[0],
        grad_norm: if place == Place::ALONE { own } else { sums[1].sqrt() },
    };
    for (what, value) in [("loss", taken.loss), ("gradient", taken.grad_norm)] {
        let step = optimizer.steps() + 1;
        ensure!(
            value.is_finite(),
            "the {what} is not finite at step {step}\nhint: lower --learning-rate"
        );
    }
    scale_down(&shares, taken.grad_norm, settings.max_grad_norm);
    optimizer.step(settings, learned, &shares);
    let learned: Vec<Tensor> =
        learned.iter().map(|(_, parameter)| parameter.shallow_clone()).collect();
    ranks.gather(&learned)?;
    Ok(taken)
}

/// The mean negative log-likelihood of the response tokens of examples, nats. `passed` is called with the
/// share that is done, after each forward pass.
pub(super) fn mean_loss(
    learner: &Learner,
    ranks: &mut Ranks,
    examples: &[Example],
    budget: usize,
    mut passed: impl FnMut(f64),
) -> Result<f64> {
    let examples: Vec<&Example> = examples.iter().collect();
    let Shard { passes, .. } = Shard::new(&examples, budget, ranks.place());
    let mut own = 0.0;
    for (index, positions) in passes.iter().enumerate() {
        let sequences = sequences(&examples, positions);
        let scores = score(&learner.model, learner.compute.kind, &sequences, 1.0);
        own += scores.logprobs.sum(Kind::Double).double_value(&[]);
        passed((index + 1) as f64 / passes.len() as f64);
    }
    Ok(-ranks.sum(&[own])?[0] / response_tokens(&examples) as f64)
}

fn sequences<'a>(examples: &[&'a Example], positions: &[usize]) -> Vec<Sequence<'a>> {
    positions.iter().map(|&position| examples[position].sequence()).collect()
}

fn response_tokens(examples: &[&Example]) -> usize {
    examples.iter().map(|example| example.response.len()).sum()
}

//! Responses that share their prompt have the scores and gradients of sequences alone.

use std::convert::Infallible;

use retrial_protocol::{Lora, Target};
use retrial_trainer::compute::Keep;
use retrial_trainer::model::Decoder;
use retrial_trainer::model::lora::{self, NewAdapter};
use retrial_trainer::update::forward_backward::{Pass, score};
use retrial_trainer::update::gradients::Gradients;
use retrial_trainer::update::sequences::{Sequence, micro_batches};
use tch::{Device, Kind, Tensor};

use crate::common::reference;
use crate::common::transformers::largest_difference;

const MODELS: [&str; 14] = [
    "tied",
    "untied",
    "qwen2",
    "llama",
    "llama_biased",
    "families/mistral",
    "families/smollm3",
    "families/olmo2",
    "families/gemma3",
    "families/qwen3_moe",
    "families/qwen3_window",
    "families/yarn",
    "families/linear",
    "families/dynamic",
];

fn ids(first: u32, count: u32) -> Vec<u32> {
    (0..count).map(|i| (first * 13 + i * i * 3 + i * 7) % 67).collect()
}

/// Prompts and responses: two groups, mixed, with responses shorter and longer than their prompts, and
/// one without a group.
fn batch() -> Vec<(Vec<u32>, Vec<u32>)> {
    let (short, long) = (ids(1, 9), ids(2, 21));
    let lengths = [(&long, 5), (&short, 14), (&long, 1), (&short, 3), (&long, 17), (&long, 5)];
    let in_groups = (3..).zip(lengths).map(|(i, (prompt, n))| (prompt.clone(), ids(i, n)));
    in_groups.chain([(ids(20, 6), ids(21, 8)), (short.clone(), ids(22, 12))]).collect()
}

/// What belongs to the response tokens of sequence `index`.
fn of_sequence(values: &Tensor, sequences: &[Sequence<'_>], index: usize) -> Tensor {
    let length = |sequence: &Sequence<'_>| sequence.response.len() as i64;
    let start: i64 = sequences[..index].iter().map(length).sum();
    values.narrow(0, start, length(&sequences[index]))
}

/// Scores of all sequences and the gradients of a loss over them, computed in these parts.
fn computed(
    model: &Decoder,
    sequences: &[Sequence<'_>],
    parts: &[Vec<usize>],
    keep: Keep,
) -> (Vec<Tensor>, Vec<Tensor>) {
    let tokens: usize = sequences.iter().map(|sequence| sequence.response.len()).sum();
    let count = Tensor::arange(tokens as i64, (Kind::Float, Device::Cpu));
    let (w, v) = (count.sin(), (&count * 2.0).cos());
    let mut gradients = Gradients::new(model.learned().len());
    let mut logprobs: Vec<Tensor> = sequences.iter().map(|_| Tensor::new()).collect();
    for part in parts {
        let chosen: Vec<_> = part.iter().map(|&index| sequences[index]).collect();
        let of_part = |values: &Tensor| {
            let pieces = part.iter().map(|&index| of_sequence(values, sequences, index));
            Tensor::cat(&pieces.collect::<Vec<_>>(), 0)
        };
        let pass = Pass::forward(model, Kind::Float, &chosen, 0.8, keep);
        let again = score(model, Kind::Float, &chosen, 0.8).logprobs;
        assert!(largest_difference(&again, &pass.scores.logprobs) < 1e-5);
        for (place, &index) in part.iter().enumerate() {
            logprobs[index] = of_sequence(&pass.scores.logprobs, &chosen, place).copy();
        }
        let (w, v) = (of_part(&w), of_part(&v));
        let Ok(_) = pass.backward(&w, Some(&v), &mut gradients, |_, _| Ok::<_, Infallible>(()));
    }
    (logprobs, gradients.finish(model.learned()))
}

fn check(name: &str, model: &Decoder) {
    for (_, parameter) in model.learned() {
        let _ = parameter.set_requires_grad(true);
    }
    let batch = batch();
    let sequences: Vec<Sequence<'_>> =
        batch.iter().map(|(prompt, response)| Sequence { prompt, response }).collect();
    let alone: Vec<Vec<usize>> = (0..sequences.len()).map(|index| vec![index]).collect();
    let (expected, of_each) = computed(model, &sequences, &alone, Keep::Graphs);
    // All together, and with groups that several micro-batches share.
    for (parts, keep) in [
        (vec![(0..sequences.len()).collect()], Keep::Graphs),
        (vec![(0..sequences.len()).rev().collect()], Keep::Inputs),
        (micro_batches(&sequences, 40), Keep::Graphs),
    ] {
        assert!(parts.len() < sequences.len());
        let (logprobs, gradients) = computed(model, &sequences, &parts, keep);
        for (found, expected) in logprobs.iter().zip(&expected) {
            assert!(largest_difference(found, expected) < 1e-5, "{name} {parts:?}");
        }
        let largest = of_each.iter().map(|x| x.abs().max().double_value(&[])).fold(0.0, f64::max);
        assert!(largest > 0.1, "{name}: {largest}");
        for ((parameter, _), (found, expected)) in
            model.learned().iter().zip(gradients.iter().zip(&of_each))
        {
            let difference = largest_difference(found, expected) / largest.max(1.0);
            assert!(difference < 1e-5, "{name} {keep:?} {parts:?} {parameter}: {difference}");
        }
    }
}

#[test]
fn a_shared_prompt_gives_the_gradients_of_sequences_alone_in_every_family() {
    for name in MODELS {
        check(name, &Decoder::load(&reference(name), Device::Cpu).unwrap());
    }
}

#[test]
fn a_shared_prompt_gives_the_gradients_of_sequences_alone_under_an_adapter() {
    let folder = reference("families/olmo2");
    let model = Decoder::load(&folder, Device::Cpu).unwrap();
    let form = Lora { rank: 4, alpha: 8.0, targets: Target::ALL.to_vec() };
    let adapter = lora::fresh(model.config(), &NewAdapter { form, seed: 1 }, &folder);
    for (_, parameter) in &adapter.parameters {
        // B begins at zero, where A has no gradient.
        let _ = tch::no_grad(|| parameter.shallow_clone().fill_(0.05));
    }
    check("olmo2 with an adapter", &model.adapted(adapter));
}

//! Results of Hugging Face transformers with tiny models, to compare the decoder with.

use std::convert::Infallible;
use std::path::Path;

use retrial_trainer::compute::Keep;
use retrial_trainer::model::{Decoder, KvCache, read_named};
use retrial_trainer::update::forward_backward::Pass;
use retrial_trainer::update::gradients::Gradients;
use retrial_trainer::update::sequences::Sequence;
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;

const SEQUENCES: i64 = 3;
const TOKENS: i64 = 40;
/// Token ids of the models.
pub const VOCABULARY: i64 = 67;

/// A model, and the results of transformers with it.
pub struct Reference {
    pub model: Decoder,
    /// `[3, 40]`.
    pub ids: Tensor,
    /// `[3, 40, 67]`.
    pub logits: Tensor,
    /// Of the tokens after the first, `[3, 39]`, as all that follow.
    pub logprobs: Tensor,
    pub entropies: Tensor,
    /// Weights of log-probabilities in the loss,
    w: Tensor,
    /// and entropies.
    v: Tensor,
    pub gradients: Vec<Tensor>,
}

impl Reference {
    /// The reference in a folder.
    pub fn load(folder: &Path) -> Self {
        let model = Decoder::load(folder, Device::Cpu).unwrap();
        for (_, parameter) in model.parameters() {
            let _ = parameter.set_requires_grad(true);
        }
        let mut layout = vec![
            ("ids".to_owned(), vec![SEQUENCES, TOKENS]),
            ("logits".to_owned(), vec![SEQUENCES, TOKENS, VOCABULARY]),
        ];
        let of_tokens = ["logprobs", "entropies", "w", "v"];
        layout.extend(of_tokens.map(|name| (name.to_owned(), vec![SEQUENCES, TOKENS - 1])));
        let parameters = model.config().parameters().into_iter();
        layout.extend(parameters.map(|(name, shape)| (format!("gradient.{name}"), shape)));
        let tensors = read_named(&folder.join("expected.safetensors"), &layout).unwrap();
        let mut tensors = tensors.into_iter();
        let mut next = || tensors.next().unwrap();
        let ids = next().to_kind(Kind::Int64);
        let (logits, logprobs, entropies, w, v) = (next(), next(), next(), next(), next());
        Self { model, ids, logits, logprobs, entropies, w, v, gradients: tensors.collect() }
    }
}

pub fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

/// Largest difference over the largest magnitude.
pub fn relative_difference(found: &Tensor, expected: &Tensor) -> f64 {
    largest_difference(found, expected) / expected.abs().max().double_value(&[])
}

pub fn rows(ids: &Tensor) -> Vec<Vec<u32>> {
    Vec::<Vec<i64>>::try_from(ids)
        .unwrap()
        .into_iter()
        .map(|row| row.into_iter().map(|id| id as u32).collect())
        .collect()
}

/// Each row as a prompt of one token and a response of the rest.
pub fn sequences(rows: &[Vec<u32>]) -> Vec<Sequence<'_>> {
    rows.iter()
        .map(|row| {
            let (prompt, response) = row.split_at(1);
            Sequence { prompt, response }
        })
        .collect()
}

/// Scores of the reference's tokens, and the gradients of its loss, `groups` of its sequences packed
/// together.
pub fn scores_and_gradients(
    reference: &Reference,
    kind: Kind,
    keep: Keep,
    groups: &[&[i64]],
) -> (Tensor, Tensor, Vec<Tensor>) {
    let model = &reference.model;
    let ids = rows(&reference.ids);
    let all = sequences(&ids);
    let mut gradients = Gradients::new(model.parameters().len());
    let (mut logprobs, mut entropies) = (vec![], vec![]);
    for &group in groups {
        let packed: Vec<_> = group.iter().map(|&row| all[row as usize]).collect();
        let pass = Pass::forward(model, kind, &packed, 1.0, keep);
        logprobs.push(pass.scores.logprobs.shallow_clone());
        entropies.push(pass.scores.entropies.shallow_clone());
        let chosen = Tensor::from_slice(group);
        let of_group = |weights: &Tensor| weights.index_select(0, &chosen).flatten(0, 1);
        let (w, v) = (of_group(&reference.w), of_group(&reference.v));
        let Ok(_) = pass.backward(&w, Some(&v), &mut gradients, |_, _| Ok::<_, Infallible>(()));
    }
    let whole = |parts: &[Tensor]| Tensor::cat(parts, 0).view([SEQUENCES, TOKENS - 1]);
    (whole(&logprobs), whole(&entropies), gradients.finish(model.parameters()))
}

/// Checks that the logits of whole sequences are those of transformers.
pub fn check_logits(name: &str, reference: &Reference) {
    let Reference { model, ids, logits, .. } = reference;
    let found = model.logits(&model.prefill(ids).0);
    let difference = largest_difference(&found, logits);
    assert!(difference < 1e-4, "{name}: {difference}");
}

/// Checks that decoding token by token gives the same logits.
pub fn check_token_by_token(name: &str, reference: &Reference) {
    let Reference { model, ids, logits, .. } = reference;
    let _guard = tch::no_grad_guard();
    let mut cache = KvCache::new(
        model.config(),
        SEQUENCES as usize,
        TOKENS as usize,
        (Kind::Float, Device::Cpu),
    );
    // Prompts of different lengths, so that rows stand at different positions.
    let lengths = [7, 20, 33];
    for (row, length) in (0..).zip(lengths) {
        let (_, kept) = model.prefill(&ids.narrow(0, row, 1).narrow(1, 0, length));
        cache.push(&kept, 0, length as usize);
    }
    let ids = rows(ids);
    for offset in 0..7 {
        let tokens = ids.iter().zip(lengths);
        let next: Vec<u32> = tokens.map(|(row, length)| row[length as usize + offset]).collect();
        let found = model.logits(&model.decode(&next, &mut cache));
        for (row, length) in (0..).zip(lengths) {
            let expected = logits.get(row).get(length + offset as i64);
            let difference = largest_difference(&found.get(row), &expected);
            assert!(difference < 1e-4, "{name}, row {row}, token {offset}: {difference}");
        }
    }
}

/// A copy of a model's folder, to damage or add to.
pub fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(folder.join(file), copy.path().join(file)).unwrap();
    }
    copy
}

/// The error for an invalid folder.
pub fn error_of(folder: &Path) -> String {
    Decoder::load(folder, Device::Cpu).err().expect("the folder is refused").to_string()
}

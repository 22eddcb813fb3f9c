//! The formula of the paper, written out token by token in f64, to compare the objective
//! with.

use retrial_protocol::{KlEstimator, Loss, Objective};
use retrial_trainer::update::objective::{Tokens, value};
use tch::{Kind, Tensor};

use crate::common::ready;

/// One response token.
#[derive(Clone, Debug)]
pub struct Token {
    pub logprob: f64,
    pub old: f64,
    pub advantage: f64,
    pub hinted: bool,
    /// The response it belongs to.
    pub sample: usize,
    pub reference: f64,
    /// Its correction weight.
    pub correction: f64,
}

pub fn on_policy(logprob: f64, old: f64, advantage: f64) -> Token {
    let (sample, reference, correction) = (0, logprob, 1.0);
    Token { logprob, old, advantage, hinted: false, sample, reference, correction }
}

pub fn hinted(logprob: f64, old: f64, advantage: f64) -> Token {
    Token { hinted: true, ..on_policy(logprob, old, advantage) }
}

/// Denominators of the sums over the parts.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    on_policy: f64,
    hinted: f64,
}

impl Counts {
    fn of(self, token: &Token) -> f64 {
        if token.hinted { self.hinted } else { self.on_policy }
    }
}

/// J by the formula, one token after another. `present` are the log-probabilities treated as
/// constants.
pub fn reference(settings: &Objective, tokens: &[Token], present: &[Token], counts: Counts) -> f64 {
    let (low, high) = settings.ratio_bounds();
    let log_ratio = |token: &Token| {
        let limit = settings.log_ratio_limit;
        (token.logprob - token.old).min(limit).max(-limit)
    };
    let clipped = |ratio: f64, a: f64| {
        let surrogate = f64::min(ratio * a, ratio.max(low).min(high) * a);
        match settings.dual_clip {
            Some(bound) if a < 0.0 => surrogate.max(bound * a),
            _ => surrogate,
        }
    };
    let of_token = |(token, present): (&Token, &Token)| {
        let ratio = log_ratio(token).exp();
        let a = token.advantage;
        let surrogate = if token.hinted {
            ratio / (ratio + settings.gamma) * a
        } else {
            let of_sample: Vec<f64> =
                tokens.iter().filter(|other| other.sample == token.sample).map(log_ratio).collect();
            let mean = of_sample.iter().sum::<f64>() / of_sample.len() as f64;
            token.correction
                * match settings.loss {
                    Loss::Gspo => clipped(mean.exp(), a),
                    Loss::Cispo => log_ratio(present).exp().max(low).min(high) * a * token.logprob,
                    _ => clipped(ratio, a),
                }
        };
        let d = token.logprob - token.reference;
        let kl = settings.kl.map_or(0.0, |kl| {
            kl.coefficient
                * match kl.estimator {
                    KlEstimator::K1 => d,
                    KlEstimator::K2 => d * d / 2.0,
                    KlEstimator::K3 => (-d).exp() - 1.0 + d,
                }
        });
        (surrogate - kl) / counts.of(token)
    };
    tokens.iter().zip(present).map(of_token).sum()
}

/// J and its derivative by `log pi_theta` of each token, from the code under test.
pub fn found(settings: &Objective, tokens: &[Token], counts: Counts) -> (f64, Vec<f64>) {
    ready();
    let column = |value: &dyn Fn(&Token) -> f64| {
        Tensor::from_slice(&tokens.iter().map(value).collect::<Vec<f64>>())
    };
    let samples: Vec<i64> = tokens.iter().map(|token| token.sample as i64).collect();
    let count = samples.iter().max().map_or(0, |last| last + 1);
    let lengths: Vec<f32> = (0..count)
        .map(|sample| samples.iter().filter(|&&of| of == sample).count() as f32)
        .collect();
    let logprobs = column(&|token| token.logprob).set_requires_grad(true);
    let inputs = Tokens {
        logprobs: &logprobs,
        old: &column(&|token| token.old),
        reference: Some(&column(&|token| token.reference)),
        correction: Some(&column(&|token| token.correction)),
        advantages: &column(&|token| token.advantage),
        weights: &column(&|token| 1.0 / counts.of(token)),
        hinted: &column(&|token| f64::from(u8::from(token.hinted))).ne(0.0),
        samples: &Tensor::from_slice(&samples),
        lengths: &Tensor::from_slice(&lengths),
    };
    let value = value(settings, &inputs);
    assert_eq!(value.objective.kind(), Kind::Double);
    let gradient = Vec::try_from(value.gradient(&logprobs)).unwrap();
    (value.objective.double_value(&[]), gradient)
}

pub fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-6 * expected.abs().max(1.0)
}

pub fn counts(on_policy: f64, hinted: f64) -> Counts {
    Counts { on_policy, hinted }
}

//! The objective and its gradient against an independent reference: the formula of the paper
//! written out token by token in f64, differentiated by central differences, and cases worked out
//! by hand.

mod formula;

use proptest::prelude::*;
use retrial_protocol::{
    Batch, Correction, Denominator, Kl, KlEstimator, Level, Loss, Normalisation, Objective, Part,
    Sample,
};
use retrial_trainer::update::objective::{PartTotals, Totals, correction, weight};
use tch::{Kind, Tensor};

use crate::common::ready;
use formula::{Token, close, counts, found, hinted, on_policy, reference};

#[test]
fn hand_worked_values() {
    let settings = Objective::default();
    let (one, ln) = (counts(1.0, 1.0), f64::ln);
    // Each token alone, with Z = Z' = 1: its value and its derivative.
    let cases = [
        // On-policy at ratio 1: A, and the gradient of log pi times A.
        (on_policy(-1.0, -1.0, 2.0), 2.0, 2.0),
        // Ratio 1.1, inside the clip.
        (on_policy(ln(0.55), ln(0.5), 2.0), 2.2, 2.2),
        // Ratio 1.5 with a positive advantage: clipped at 1.2, no gradient.
        (on_policy(ln(0.75), ln(0.5), 2.0), 2.4, 0.0),
        // Ratio 1.5 with a negative advantage: the minimum does not clip it.
        (on_policy(ln(0.75), ln(0.5), -2.0), -3.0, -3.0),
        // Ratio 0.5 with a negative advantage: clipped at 0.8.
        (on_policy(ln(0.25), ln(0.5), -2.0), -1.6, 0.0),
        // Hinted at rho = 1: f = 1 / 1.1, f' rho = gamma rho / (rho + gamma)^2 = 0.1 / 1.21.
        (hinted(-1.0, -1.0, 1.0), 1.0 / 1.1, 0.1 / 1.21),
        // At rho = gamma the gradient is at its largest, 1/4.
        (hinted(ln(0.05), ln(0.5), 1.0), 0.5, 0.25),
        // Far above 1 there is no clip: f goes to 1.
        (hinted(ln(0.9), ln(0.009), 1.0), 100.0 / 100.1, 10.0 / (100.1 * 100.1)),
    ];
    for (token, expected, slope) in cases {
        let (j, gradient) = found(&settings, std::slice::from_ref(&token), one);
        assert!(close(j, expected) && close(gradient[0], slope), "{token:?}: {j} {gradient:?}");
    }
}

#[test]
fn gamma_shapes_the_hinted_part_only() {
    let token = hinted((0.2_f64).ln(), (0.4_f64).ln(), 1.0);
    for (gamma, expected) in [(0.1, 0.5 / 0.6), (0.5, 0.5), (1.0, 0.5 / 1.5)] {
        let settings = Objective { gamma, ..Objective::default() };
        let (j, _) = found(&settings, std::slice::from_ref(&token), counts(1.0, 1.0));
        assert!(close(j, expected), "gamma {gamma}: {j}");
        let (j, _) = found(&settings, &[on_policy(-1.0, -1.0, 3.0)], counts(1.0, 1.0));
        assert!(close(j, 3.0));
    }
}

#[test]
fn dual_clip_bounds_negative_advantages_only() {
    let settings = Objective { dual_clip: Some(3.0), ..Objective::default() };
    // Ratio 10.
    let high = |advantage| on_policy((0.5_f64).ln(), (0.05_f64).ln(), advantage);
    let (j, gradient) = found(&settings, &[high(-1.0)], counts(1.0, 1.0));
    assert!(close(j, -3.0) && close(gradient[0], 0.0));
    let (j, _) = found(&settings, &[high(1.0)], counts(1.0, 1.0));
    assert!(close(j, 1.2));
}

#[test]
fn log_ratios_are_clamped() {
    let settings = Objective { gamma: 1e-12, ..Objective::default() };
    let (j, gradient) = found(&settings, &[hinted(-1.0, -1000.0, 1.0)], counts(1.0, 1.0));
    assert!(j.is_finite() && close(gradient[0], 0.0), "{j} {gradient:?}");
}

/// A batch of two on-policy responses of 2 and 3 tokens and a hinted one of 4.
fn batch(parts: &[(usize, Part)]) -> Batch {
    let sample = |&(length, part): &(usize, Part)| Sample {
        prompt: vec![1],
        response: vec![2; length],
        sampler_logprobs: vec![-1.0; length],
        advantage: 1.0,
        part,
    };
    Batch { samples: parts.iter().map(sample).collect() }
}

#[test]
fn totals_and_weights() {
    use Normalisation::{Common, Separate};
    let totals = |samples, tokens| PartTotals { samples, tokens };
    let both = batch(&[(2, Part::OnPolicy), (3, Part::OnPolicy), (4, Part::Hinted)]);
    let of = |batch: &Batch, normalisation| {
        let totals = Totals::of(&batch.samples, normalisation);
        (totals.of_part(Part::OnPolicy), totals.of_part(Part::Hinted))
    };
    assert_eq!(of(&both, Common), (totals(3, 9), totals(3, 9)));
    assert_eq!(of(&both, Separate), (totals(2, 5), totals(1, 4)));
    // A response of 4 tokens of 3 responses with 9 tokens in all.
    let weights = [
        (Loss::Lte, 1.0 / 9.0),
        (Loss::Dapo, 1.0 / 9.0),
        (Loss::Cispo, 1.0 / 9.0),
        (Loss::Grpo, 1.0 / 12.0),
        (Loss::Gspo, 1.0 / 12.0),
        (Loss::DrGrpo, 1.0 / 30.0),
    ];
    for (loss, expected) in weights {
        let settings = Objective { loss, length_divisor: Some(10.0), ..Objective::default() };
        assert!(close(weight(&settings, totals(3, 9), 4), expected), "{loss:?}");
    }
}

#[test]
fn each_loss_has_its_clips() {
    let bounds = |loss| Objective { loss, ..Objective::default() }.ratio_bounds();
    assert_eq!(bounds(Loss::Lte), (0.8, 1.2));
    assert_eq!(bounds(Loss::Dapo), (0.8, 1.28));
    assert_eq!(bounds(Loss::Gspo), (1.0 - 3e-4, 1.0 + 4e-4));
    let given = Objective { clip_high: Some(0.5), ..Objective::default() };
    assert_eq!(given.ratio_bounds(), (0.8, 1.5));
}

#[test]
fn cispo_takes_no_token_its_gradient() {
    let settings = Objective { loss: Loss::Cispo, ..Objective::default() };
    // Ratio 10, bounded by 5: the weight of the gradient.
    let token = on_policy((0.5_f64).ln(), (0.05_f64).ln(), 2.0);
    let (_, gradient) = found(&settings, &[token], counts(1.0, 1.0));
    assert!(close(gradient[0], 10.0), "{gradient:?}");
}

#[test]
fn gspo_clips_whole_responses() {
    let settings = Objective { loss: Loss::Gspo, ..Objective::default() };
    // Ratios 2 and 1/2: the geometric mean is 1, and nothing is clipped.
    let pair = [on_policy(-1.0, -1.0 - 2_f64.ln(), 1.0), on_policy(-1.0, -1.0 + 2_f64.ln(), 1.0)];
    let (j, gradient) = found(&settings, &pair, counts(2.0, 1.0));
    assert!(close(j, 1.0) && gradient.iter().all(|&slope| close(slope, 0.5)), "{j} {gradient:?}");
    // Both a little likelier: the response is clipped, no token has a gradient.
    let pair = [on_policy(-1.0, -1.001, 1.0), on_policy(-1.0, -1.001, 1.0)];
    let (j, gradient) = found(&settings, &pair, counts(2.0, 1.0));
    assert!(close(j, 1.0004) && gradient == [0.0, 0.0], "{j} {gradient:?}");
}

#[test]
fn corrections() {
    ready();
    // Ratios of trainer to sampler: 1/2 and 4 in one response, 1 in another.
    let mismatch = Tensor::from_slice(&[0.5_f64.ln(), 4_f64.ln(), 0.0]);
    let (samples, lengths) =
        (Tensor::from_slice(&[0_i64, 0, 1]), Tensor::from_slice(&[2_f32, 1.0]));
    let cases = [
        (Correction::Tis { cap: 2.0, level: Level::Token }, [0.5, 2.0, 1.0], [0, 1, 0]),
        // The product is 2.
        (Correction::Tis { cap: 1.5, level: Level::Sequence }, [1.5, 1.5, 1.0], [1, 1, 0]),
        (Correction::IcePop { low: 0.4, high: 3.0 }, [0.5, 0.0, 1.0], [0, 1, 0]),
    ];
    for (correction, weights, bounded) in cases {
        let found = correction::weights(correction, &mismatch, &samples, &lengths).unwrap();
        let found_weights = Vec::<f64>::try_from(&found.weights).unwrap();
        assert!(found_weights.iter().zip(weights).all(|(&a, b)| close(a, b)), "{found_weights:?}");
        let found = found.bounded.to_kind(Kind::Int64);
        assert_eq!(Vec::<i64>::try_from(&found).unwrap(), bounded);
    }
    assert!(correction::weights(Correction::Off, &mismatch, &samples, &lengths).is_none());
}

#[test]
fn an_empty_part_contributes_nothing() {
    let settings = Objective::default();
    let plain = [on_policy(-1.0, -1.0, 1.0), on_policy(-2.0, -2.0, -0.5)];
    let (j, gradient) = found(&settings, &plain, counts(2.0, 1.0));
    assert!(close(j, 0.25) && gradient.iter().all(|slope| slope.is_finite()));
    let rescued = [hinted(-1.0, -1.0, 1.0), hinted(-2.0, -2.0, 1.0)];
    let (j, gradient) = found(&settings, &rescued, counts(1.0, 2.0));
    assert!(close(j, 1.0 / 1.1) && gradient.iter().all(|slope| slope.is_finite()));
}

#[test]
fn a_group_that_is_replaced_whole_has_no_gradient() {
    // G' = G: all rewards are equal, all advantages 0.
    let tokens = [hinted(-1.0, -0.5, 0.0), hinted(-2.0, -0.1, 0.0)];
    let (j, gradient) = found(&Objective::default(), &tokens, counts(2.0, 2.0));
    assert!(close(j, 0.0) && gradient.iter().all(|&slope| slope == 0.0));
}

#[test]
fn the_three_denominators() {
    // pi_theta = 0.3; under the hint 0.6, without it 0.2.
    let under = |denominator| match denominator {
        Denominator::Hinted => 0.6_f64.ln(),
        Denominator::Unit => 0.0,
        Denominator::Unhinted => 0.2_f64.ln(),
    };
    for (denominator, rho) in
        [(Denominator::Hinted, 0.5), (Denominator::Unit, 0.3), (Denominator::Unhinted, 1.5)]
    {
        let token = hinted(0.3_f64.ln(), under(denominator), 1.0);
        let (j, gradient) = found(&Objective::default(), &[token], counts(1.0, 1.0));
        let slope = 0.1 * rho / ((rho + 0.1) * (rho + 0.1));
        assert!(close(j, rho / (rho + 0.1)) && close(gradient[0], slope), "{denominator:?}");
    }
}

prop_compose! {
    fn token()(
        logprob in -6.0..-0.01,
        difference in -2.5..2.5,
        advantage in -2.5..2.5,
        hinted: bool,
        distance in -1.0..1.0,
        correction in 0.0..2.0,
    ) -> Token {
        let (old, reference) = (logprob - difference, logprob - distance);
        Token { logprob, old, advantage, hinted, sample: 0, reference, correction }
    }
}

/// Responses of up to 6 tokens, each with one advantage and of one part.
fn responses() -> impl Strategy<Value = Vec<Token>> {
    let response = prop::collection::vec(token(), 1..6);
    prop::collection::vec(response, 1..5).prop_map(|responses| {
        let of_one = |(sample, tokens): (usize, Vec<Token>)| {
            let Token { advantage, hinted, .. } = tokens[0];
            tokens.into_iter().map(move |token| Token { advantage, hinted, sample, ..token })
        };
        responses.into_iter().enumerate().flat_map(of_one).collect()
    })
}

prop_compose! {
    fn settings()(
        loss in prop::sample::select(vec![
            Loss::Lte, Loss::Grpo, Loss::Dapo, Loss::DrGrpo, Loss::Gspo, Loss::Cispo,
        ]),
        gamma in 0.01..2.0,
        clip_low in 0.0..0.9,
        clip_high in 0.0..0.9,
        dual_clip in prop::option::of(1.5..4.0),
        kl in prop::option::of((0.001..1.0, prop::sample::select(vec![
            KlEstimator::K1, KlEstimator::K2, KlEstimator::K3,
        ]))),
    ) -> Objective {
        Objective {
            loss,
            gamma,
            clip_low: Some(clip_low),
            clip_high: Some(clip_high),
            dual_clip,
            kl: kl.map(|(coefficient, estimator)| Kl { coefficient, estimator }),
            ..Objective::default()
        }
    }
}

proptest! {
    #[test]
    fn value_and_gradient_equal_the_formula_and_its_differences(
        settings in settings(),
        tokens in responses(),
        on_policy in 1.0..50.0,
        hinted in 1.0..50.0,
    ) {
        const WIDTH: f64 = 1e-6;
        let counts = counts(on_policy, hinted);
        // Where two branches meet there is no derivative.
        let (low, high) = settings.ratio_bounds();
        let edges = [low, high, settings.dual_clip.unwrap_or(0.0)];
        let at_edge = |ratio: f64| edges.iter().any(|edge| (ratio - edge).abs() < 1e-4);
        let mean_ratio = |sample: usize| {
            let of_sample = tokens.iter().filter(|token| token.sample == sample);
            let logs: Vec<f64> = of_sample.map(|token| token.logprob - token.old).collect();
            (logs.iter().sum::<f64>() / logs.len() as f64).exp()
        };
        prop_assume!(!tokens.iter().any(|token| {
            at_edge((token.logprob - token.old).exp()) || at_edge(mean_ratio(token.sample))
        }));

        let (j, gradient) = found(&settings, &tokens, counts);
        prop_assert!(close(j, reference(&settings, &tokens, &tokens, counts)));
        for (position, &slope) in gradient.iter().enumerate() {
            let at = |shift: f64| {
                let mut moved = tokens.clone();
                moved[position].logprob += shift;
                reference(&settings, &moved, &tokens, counts)
            };
            let difference = (at(WIDTH) - at(-WIDTH)) / (2.0 * WIDTH);
            prop_assert!(close(slope, difference), "token {position}: {slope} {difference}");
        }
    }
}

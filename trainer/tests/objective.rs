//! The objective and its gradient against an independent reference: the formula of the paper
//! written out token by token in f64, differentiated by central differences, and cases worked out
//! by hand.

use proptest::prelude::*;
use retrial_protocol::{Batch, Denominator, Normalisation, Objective, Part, Sample};
use retrial_trainer::objective::{TokenCounts, Tokens, value};
use tch::{Kind, Tensor};

/// One response token.
#[derive(Clone, Debug)]
struct Token {
    logprob: f64,
    old: f64,
    advantage: f64,
    hinted: bool,
}

fn on_policy(logprob: f64, old: f64, advantage: f64) -> Token {
    Token { logprob, old, advantage, hinted: false }
}

fn hinted(logprob: f64, old: f64, advantage: f64) -> Token {
    Token { logprob, old, advantage, hinted: true }
}

/// J by the formula, one token after another.
fn reference(settings: &Objective, tokens: &[Token], counts: TokenCounts) -> f64 {
    let of_token = |token: &Token| {
        let difference = token.logprob - token.old;
        let ratio = difference.min(settings.log_ratio_limit).max(-settings.log_ratio_limit).exp();
        let a = token.advantage;
        if token.hinted {
            return ratio / (ratio + settings.gamma) * a / counts.hinted;
        }
        let clipped = ratio.max(1.0 - settings.clip_low).min(1.0 + settings.clip_high);
        let surrogate = f64::min(ratio * a, clipped * a);
        let bounded = match settings.dual_clip {
            Some(bound) if a < 0.0 => surrogate.max(bound * a),
            _ => surrogate,
        };
        bounded / counts.on_policy
    };
    tokens.iter().map(of_token).sum()
}

/// J and its derivative by `log pi_theta` of each token, from the code under test.
fn found(settings: &Objective, tokens: &[Token], counts: TokenCounts) -> (f64, Vec<f64>) {
    let column = |value: fn(&Token) -> f64| {
        Tensor::from_slice(&tokens.iter().map(value).collect::<Vec<f64>>())
    };
    let logprobs = column(|token| token.logprob).set_requires_grad(true);
    let inputs = Tokens {
        logprobs: &logprobs,
        old: &column(|token| token.old),
        advantages: &column(|token| token.advantage),
        hinted: &column(|token| f64::from(u8::from(token.hinted))).ne(0.0),
    };
    let objective = value(settings, &inputs, counts).objective;
    assert_eq!(objective.kind(), Kind::Double);
    objective.backward();
    (objective.double_value(&[]), Vec::try_from(logprobs.grad()).unwrap())
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-6 * expected.abs().max(1.0)
}

fn counts(on_policy: f64, hinted: f64) -> TokenCounts {
    TokenCounts { on_policy, hinted }
}

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
fn token_counts() {
    use Normalisation::{Common, Separate};
    let both = batch(&[(2, Part::OnPolicy), (3, Part::OnPolicy), (4, Part::Hinted)]);
    assert_eq!(TokenCounts::of(&both, Common), counts(9.0, 9.0));
    assert_eq!(TokenCounts::of(&both, Separate), counts(5.0, 4.0));
    // An empty part is divided by 1: 0, never NaN.
    let plain = batch(&[(2, Part::OnPolicy)]);
    assert_eq!(TokenCounts::of(&plain, Common), counts(2.0, 2.0));
    assert_eq!(TokenCounts::of(&plain, Separate), counts(2.0, 1.0));
    let rescued = batch(&[(4, Part::Hinted)]);
    assert_eq!(TokenCounts::of(&rescued, Separate), counts(1.0, 4.0));
    assert_eq!(TokenCounts::of(&batch(&[]), Common), counts(1.0, 1.0));
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
    ) -> Token {
        Token { logprob, old: logprob - difference, advantage, hinted }
    }
}

prop_compose! {
    fn settings()(
        gamma in 0.01..2.0,
        clip_low in 0.0..0.9,
        clip_high in 0.0..0.9,
        dual_clip in prop::option::of(1.5..4.0),
    ) -> Objective {
        Objective { gamma, clip_low, clip_high, dual_clip, ..Objective::default() }
    }
}

proptest! {
    #[test]
    fn value_and_gradient_equal_the_formula_and_its_differences(
        settings in settings(),
        tokens in prop::collection::vec(token(), 1..24),
        on_policy in 1.0..50.0,
        hinted in 1.0..50.0,
    ) {
        const WIDTH: f64 = 1e-6;
        let counts = TokenCounts { on_policy, hinted };
        // Where two branches meet there is no derivative.
        let kink = |token: &Token| {
            let ratio = (token.logprob - token.old).exp();
            let bound = settings.dual_clip.unwrap_or(0.0);
            [1.0 - settings.clip_low, 1.0 + settings.clip_high, bound]
                .iter()
                .any(|edge| (ratio - edge).abs() < 1e-4)
        };
        prop_assume!(!tokens.iter().any(kink));

        let (j, gradient) = found(&settings, &tokens, counts);
        prop_assert!(close(j, reference(&settings, &tokens, counts)));
        for (position, &slope) in gradient.iter().enumerate() {
            let at = |shift: f64| {
                let mut moved = tokens.clone();
                moved[position].logprob += shift;
                reference(&settings, &moved, counts)
            };
            let difference = (at(WIDTH) - at(-WIDTH)) / (2.0 * WIDTH);
            prop_assert!(close(slope, difference), "token {position}: {slope} {difference}");
        }
    }
}

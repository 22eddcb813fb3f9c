//! Laws that hold for every text: no panics, bounded work, and an equality that is one.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use retrial_grader::{Extraction, Gold, Verdict, equivalent, grade, grade_answer};

/// Pieces that answers are made of.
const PIECES: [&str; 78] = [
    "1",
    "2",
    "3",
    "10",
    "0",
    "0.5",
    "7/2",
    "12",
    "x",
    "y",
    "n",
    "e",
    "i",
    "\\pi",
    "+",
    "-",
    "*",
    "/",
    "^",
    "_",
    "!",
    "=",
    "<",
    "\\le ",
    "\\ne ",
    "\\in ",
    "\\approx ",
    ",",
    ";",
    ":",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\\{",
    "\\}",
    "|",
    "\\frac",
    "\\frac{1}{2}",
    "\\sqrt",
    "\\sqrt[3]",
    "\\sin ",
    "\\cos",
    "\\ln ",
    "\\log_2 ",
    "\\pm ",
    "\\infty",
    "\\cup ",
    "\\setminus ",
    "%",
    "^\\circ",
    "\\text{",
    "\\text{cm}",
    "\\text{ or }",
    "\\boxed{",
    "\\left(",
    "\\right)",
    "$",
    " ",
    "\\begin{pmatrix}",
    "\\end{pmatrix}",
    "&",
    "\\\\",
    "\\sum_{k=1}^n",
    "\\int ",
    "\\binom",
    "\\overline",
    "\\lim",
    "\\ldots",
    "no solution",
    "½",
    "√",
    "²",
    "−",
    "__",
    "'",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)
        .prop_map(|pieces| pieces.concat())
}

/// Exact scalars above zero wherever their letters are, so that they may divide.
fn exact() -> BoxedStrategy<String> {
    prop_oneof![
        (1_u32..200).prop_map(|n| n.to_string()),
        (1_u32..50, 2_u32..50).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
        (2_u32..60).prop_map(|n| format!("\\sqrt{{{n}}}")),
        Just("\\pi".to_owned()),
        Just("x".to_owned()),
        Just("n".to_owned()),
    ]
    .boxed()
}

/// As [`exact`], and decimals, which stand for what they may be rounded from.
fn decimal() -> BoxedStrategy<String> {
    prop_oneof![
        6 => exact(),
        1 => (1_u32..1000).prop_map(|n| format!("0.{n:03}")),
    ]
    .boxed()
}

/// Sums, products, quotients, powers and roots of `leaf`.
fn positive(leaf: BoxedStrategy<String>) -> impl Strategy<Value = String> + Clone {
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})+({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("\\frac{{{a}}}{{{b}}}")),
            (inner.clone(), 2_u32..4).prop_map(|(a, n)| format!("({a})^{{{n}}}")),
            inner.prop_map(|a| format!("\\sqrt{{{a}}}")),
        ]
    })
}

/// Scalars that have a value.
fn scalar(leaf: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let a = positive(leaf);
    let pair = (a.clone(), a.clone());
    prop_oneof![
        4 => a.clone(),
        1 => a.clone().prop_map(|a| format!("-({a})")),
        1 => a.prop_map(|a| format!("\\sqrt{{-({a})}}")),
        1 => pair.clone().prop_map(|(a, b)| format!("({a})+(-({b}))")),
        1 => pair.clone().prop_map(|(a, b)| format!("({a})(-({b}))")),
        1 => pair.prop_map(|(a, b)| format!("\\frac{{-({a})}}{{{b}}}")),
    ]
}

/// Answers of every kind.
fn answer() -> impl Strategy<Value = String> {
    let items = || prop::collection::vec(scalar(decimal()), 2..4);
    prop_oneof![
        4 => scalar(decimal()),
        1 => items().prop_map(|items| items.join(", ")),
        1 => items().prop_map(|items| format!("({})", items.join(", "))),
        1 => items().prop_map(|items| format!("\\{{{}\\}}", items.join(", "))),
        1 => (1_i32..9, 10_i32..20).prop_map(|(a, b)| format!("[{a}, {b})")),
        1 => scalar(decimal()).prop_map(|value| format!("y = {value}")),
        1 => (1_i32..99).prop_map(|value| format!("x \\le {value}")),
        1 => (1_i32..99).prop_map(|value| format!("{value}\\%")),
        1 => (1_i32..99).prop_map(|value| format!("{value}\\text{{ cm}}")),
        1 => items().prop_map(|items| format!("\\begin{{pmatrix}}{}\\end{{pmatrix}}", items.join("\\\\"))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gets_a_verdict(gold in soup(), response in soup(), noise in any::<String>()) {
        for gold in [&gold, &noise] {
            if let Ok(gold) = Gold::parse(gold) {
                for response in [&response, &noise] {
                    for extraction in [Extraction::Boxed, Extraction::Auto] {
                        grade(&gold, response, extraction);
                    }
                    grade_answer(&gold, response);
                }
            }
        }
    }

    #[test]
    fn every_answer_equals_itself(text in soup()) {
        if let Ok(gold) = Gold::parse(&text) {
            let grade = grade_answer(&gold, &text);
            prop_assert!(grade.verdict != Verdict::Wrong || text.contains("boxed"), "{text}: {}", grade.reason);
        }
    }

    #[test]
    fn well_formed_answers_equal_themselves_however_they_are_set(text in answer()) {
        let gold = Gold::parse(&text).unwrap();
        for variant in [
            text.clone(),
            format!(" ${text}$. "),
            format!("{{{text}}}"),
            text.replace("\\frac", "\\dfrac"),
            text.replace('(', "\\left(").replace(')', "\\right)"),
            text.replace('+', " + "),
        ] {
            // A half-open interval in \left( and \right) keeps its brackets.
            let grade = grade_answer(&gold, &variant);
            prop_assert!(grade.verdict.is_correct(), "{text} <- {variant}: {} ({})", grade.verdict, grade.reason);
        }
    }

    #[test]
    fn equality_is_symmetric(a in scalar(exact()), b in scalar(exact())) {
        prop_assert_eq!(equivalent(&a, &b), equivalent(&b, &a), "{} and {}", a, b);
    }

    #[test]
    fn a_canonical_form_equals_its_answer(text in scalar(decimal())) {
        let gold = Gold::parse(&text).unwrap();
        let canonical = grade_answer(&gold, &text).answer.unwrap().canonical;
        let grade = grade_answer(&gold, &canonical);
        prop_assert!(grade.verdict.is_correct(), "{text} <- {canonical}: {}", grade.reason);
    }

    #[test]
    fn one_more_is_another_answer(text in scalar(decimal())) {
        let gold = Gold::parse(&text).unwrap();
        let more = format!("({text})+1");
        prop_assert!(!grade_answer(&gold, &more).verdict.is_correct(), "{more}");
    }

    #[test]
    fn work_is_bounded(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..3), times in 1_usize..3000) {
        let text = pieces.concat().repeat(times);
        let gold = Gold::parse("x+1").unwrap();
        let start = Instant::now();
        grade_answer(&gold, &text);
        prop_assert!(start.elapsed() < Duration::from_secs(10), "{:?} x {times}", pieces.concat());
    }
}

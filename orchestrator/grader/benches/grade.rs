//! Pairs graded a second on one core: `cargo bench -p retrial-grader`.
//!
//! Every set of graded cases is graded again and again for a second, golds read anew each time, as
//! a grader in a loop would. The hard pairs are those of all sets but the real responses.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use retrial_grader::{Extraction, Gold, grade, grade_answer};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    gold: String,
    response: String,
    form: String,
}

const HARD: [&str; 10] = [
    "adversarial",
    "handmade",
    "hendrycks",
    "latex2sympy",
    "lighteval",
    "mathverify",
    "misc_rl_frameworks",
    "nemo_skills",
    "qwen25math",
    "areal",
];

fn cases(set: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/{set}.jsonl"));
    let text = fs::read_to_string(path).expect("the set is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect()
}

fn grade_case(case: &Case) {
    if let Ok(gold) = Gold::parse(&case.gold) {
        black_box(if case.form == "response" {
            grade(&gold, &case.response, Extraction::Auto)
        } else {
            grade_answer(&gold, &case.response)
        });
    }
}

/// Grades the cases for a second and prints how many pairs that were.
fn measure(name: &str, cases: &[Case]) {
    let mut slowest = Duration::ZERO;
    for case in cases {
        let start = Instant::now();
        grade_case(case);
        slowest = slowest.max(start.elapsed());
    }
    let start = Instant::now();
    let mut pairs = 0_usize;
    while start.elapsed() < Duration::from_secs(1) {
        for case in cases {
            grade_case(case);
        }
        pairs += cases.len();
    }
    let rate = pairs as f64 / start.elapsed().as_secs_f64();
    println!("{name:>20}: {rate:>9.0} pairs a second, the slowest {slowest:?}");
}

fn main() {
    let mut all = Vec::new();
    for set in HARD {
        let cases = cases(set);
        measure(set, &cases);
        all.extend(cases);
    }
    measure("all hard pairs", &all);
    measure("real responses", &cases("real_math100"));
}

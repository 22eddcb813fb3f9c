//! Pairs graded on one core: `cargo bench -p retrial-grader`.
//!
//! Golds are read anew each time, as by a grader that is called from a loop. The hard pairs are
//! those of all sets but the real responses. `make test-wheel` sets the same cases, graded by
//! Math-Verify, beside those of the wheel.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
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

/// Grades every case of a set, as one iteration.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, cases: &[Case]) {
    group.throughput(Throughput::Elements(cases.len() as u64));
    group.bench_function(name, |bench| bench.iter(|| cases.iter().for_each(grade_case)));
}

/// The costliest texts that a response may be: each within its budget, none above 50 ms.
fn costly(c: &mut Criterion) {
    let gold = Gold::parse("42").expect("a gold answer");
    let mut group = c.benchmark_group("costly");
    group.sample_size(10);
    for (name, text) in [
        ("tower of powers", "9^9^9^9".to_owned()),
        ("1 MB of braces", "{".repeat(1_000_000)),
        ("0.5 MB of dollars", "$".repeat(500_000)),
        ("0.7 MB of cues", "answer ".repeat(100_000)),
        ("1 MB of boxes", "\\boxed{".repeat(140_000)),
        ("a long product", "(x+1)".repeat(2_000)),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| black_box(grade(&gold, &text, Extraction::Auto)));
        });
    }
    for text in ["(x+y+z)^{60}", "\\sqrt{2+\\sqrt{3+\\sqrt{5+\\sqrt{7}}}}", "2^{99999999}"] {
        group.bench_function(text, |bench| {
            bench.iter(|| black_box(grade_answer(&gold, text)));
        });
    }
}

fn pairs(c: &mut Criterion) {
    let mut group = c.benchmark_group("pairs");
    let mut all = Vec::new();
    for set in HARD {
        let cases = cases(set);
        measure(&mut group, set, &cases);
        all.extend(cases);
    }
    measure(&mut group, "all hard pairs", &all);
    measure(&mut group, "real responses", &cases("real_math100"));
}

criterion_group!(benches, pairs, costly);
criterion_main!(benches);

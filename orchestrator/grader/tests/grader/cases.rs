//! The graded cases: agreement with what a careful person says, set by set.

use std::fs;
use std::path::Path;
use std::time::Instant;

use retrial_grader::{Extraction, Gold, Verdict, grade, grade_answer};
use serde::Deserialize;

/// A gold answer, what was answered, and whether it should count.
#[derive(Deserialize)]
struct Case {
    id: String,
    gold: String,
    response: String,
    expected: bool,
    form: Form,
}

/// Whether a case is a whole response or a bare answer.
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Form {
    Response,
    Answer,
}

fn cases(set: &str) -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/{set}.jsonl"));
    let text = fs::read_to_string(path).expect("the set is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect()
}

fn verdict(case: &Case) -> Verdict {
    let Ok(gold) = Gold::parse(&case.gold) else { return Verdict::NoAnswer };
    match case.form {
        Form::Response => {
            let graded = grade(&gold, &case.response, Extraction::Auto).verdict;
            assert_eq!(graded, retrial_grader::verdict(&gold, &case.response, Extraction::Auto));
            graded
        }
        Form::Answer => grade_answer(&gold, &case.response).verdict,
    }
}

/// Grades a set and returns how many cases agree, of how many, and the false verdicts `correct`.
fn agreement(set: &str) -> (usize, usize, usize) {
    let cases = cases(set);
    let (mut agree, mut false_correct) = (0, 0);
    let start = Instant::now();
    for case in &cases {
        let verdict = verdict(case);
        if verdict.is_correct() == case.expected {
            agree += 1;
        } else {
            false_correct += usize::from(verdict.is_correct());
            let shown: String = case.response.chars().rev().take(120).collect();
            let shown: String = shown.chars().rev().collect();
            let gold: String = case.gold.chars().take(120).collect();
            println!("  {} {verdict}: gold {gold:?}, response ..{shown:?}", case.id);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{set}: {agree} of {} agree ({:.1} %), {false_correct} falsely correct, {:.0} pairs a second",
        cases.len(),
        100.0 * agree as f64 / cases.len() as f64,
        cases.len() as f64 / seconds,
    );
    (agree, cases.len(), false_correct)
}

#[test]
fn verdicts_agree_with_a_careful_person() {
    // The least agreement of each set, in percent.
    for (set, least) in [
        ("real_math100", 100),
        ("handmade", 98),
        ("hendrycks", 98),
        ("nemo_skills", 98),
        ("misc_rl_frameworks", 98),
        ("skyrl", 98),
        ("qwen25math", 98),
        ("areal", 98),
        ("mathverify", 98),
        ("latex2sympy", 93),
        ("lighteval", 50),
        ("adversarial", 97),
        ("own", 100),
        ("new", 100),
        ("faults", 100),
        ("kinds", 100),
    ] {
        let (agree, all, false_correct) = agreement(set);
        assert!(agree * 100 >= all * least, "{set}: {agree} of {all} agree, {least} % wanted");
        assert_eq!(false_correct, 0, "{set}");
    }
}

//! Gold answers of nine public data sets: they parse, and each equals itself however it is set.

use std::fs;
use std::path::Path;

use retrial_grader::{Gold, grade_answer};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    gold: String,
}

fn golds() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/gold_answers.jsonl");
    let text = fs::read_to_string(path).expect("the golds are there");
    let parse = |line: &str| serde_json::from_str::<Line>(line).expect("a gold").gold;
    text.lines().map(parse).collect()
}

/// The same answer, set in other ways.
fn variants(gold: &str) -> Vec<String> {
    let mut all = vec![gold.to_owned(), format!(" {gold}  "), format!("{gold}.")];
    if !gold.contains('$') {
        all.push(format!("${gold}$"));
    }
    all.push(gold.replace("\\frac", "\\dfrac"));
    all.push(gold.replace("\\left", "").replace("\\right", "").replace("arrow", "\\rightarrow"));
    all.retain(|variant| !variant.contains("\\leftarrow") && !variant.contains("\\rightarrow"));
    all
}

#[test]
fn golds_parse_and_equal_themselves() {
    let golds = golds();
    let (mut unread, mut unequal) = (Vec::new(), Vec::new());
    for text in &golds {
        let Ok(gold) = Gold::parse(text) else {
            unread.push(text);
            continue;
        };
        for variant in variants(text) {
            let grade = grade_answer(&gold, &variant);
            if !grade.verdict.is_correct() {
                unequal.push(format!("{text} <- {variant}: {} ({})", grade.verdict, grade.reason));
            }
        }
    }
    println!(
        "{} of {} golds unread, {} variants unequal",
        unread.len(),
        golds.len(),
        unequal.len()
    );
    for text in &unread {
        println!("unread: {text}");
    }
    for text in &unequal {
        println!("unequal: {text}");
    }
    assert!(unread.len() * 100 <= golds.len(), "{unread:?}");
    assert!(unequal.is_empty(), "{} variants", unequal.len());
}

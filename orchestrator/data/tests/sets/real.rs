//! Public data and the layouts of public data, where they are on this machine.

use std::collections::HashMap;
use std::path::PathBuf;

use retrial_data::{DataError, Sources};
use retrial_grader::{Gold, grade_answer};

use super::{load, load_path, request};

/// The folder of real public data, beside the repository.
fn real(part: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/real").join(part);
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn published_sets_load_by_their_path_alone() {
    let Some(folder) = real("data") else { return };
    let cases = [
        ("gsm8k_train.jsonl", "GSM8K", 7473),
        ("gsm8k_test.jsonl", "GSM8K", 1319),
        ("mawps_test.jsonl", "MAWPS", 2065),
        ("svamp_test.jsonl", "SVAMP", 1000),
    ];
    for (name, layout, rows) in cases {
        let path = folder.join(name);
        let set = load_path(path.to_str().unwrap()).unwrap_or_else(|error| panic!("{error}"));
        let report = set.report();
        assert!(report.files[0].layout.starts_with(layout), "{report}");
        assert_eq!(report.rows, rows, "{report}");
        let merged: u64 = report.left_out.iter().map(|out| out.count).sum();
        assert_eq!(report.used + merged, rows, "{report}");
    }
}

#[test]
fn every_gold_of_gsm8k_is_the_number_behind_the_hashes() {
    let Some(folder) = real("data") else { return };
    let (mut checked, mut merged) = (0, 0);
    for name in ["gsm8k_train.jsonl", "gsm8k_test.jsonl"] {
        let path = folder.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let set = load(&request(&Sources::one(path.to_str().unwrap()))).unwrap();
        let golds: HashMap<String, (String, Gold)> = set
            .tasks()
            .map(|task| {
                let gold = task.gold().unwrap();
                (task.problem.text, (task.problem.answer, gold))
            })
            .collect();
        for line in text.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let gold = row["answer"].as_str().unwrap().rsplit_once("####").unwrap().1.trim();
            // A question that occurred before is merged with the first.
            let Some((answer, read)) = golds.get(row["question"].as_str().unwrap().trim()) else {
                merged += 1;
                continue;
            };
            assert_eq!(answer, gold);
            let graded = grade_answer(read, &gold.replace(',', ""));
            assert!(graded.verdict.is_correct(), "{gold}: {graded:?}");
            checked += 1;
        }
        assert_eq!(set.report().faults(), 0);
    }
    assert_eq!(checked + merged, 8792);
    assert!(merged < 5, "{merged}");
}

#[test]
fn every_layout_is_read_or_says_why_not() {
    let Some(folder) = real("formats") else { return };
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in names {
        let path = folder.join(&name);
        let refused = match name.as_str() {
            // One row of one, two or three is more than a tenth.
            "null_answer.jsonl" | "lone_surrogate.jsonl" | "images.jsonl" | "conflict.jsonl" => {
                Some("no problem can be used")
            }
            "empty_answer.jsonl" => Some("50.0 %"),
            "numina.jsonl" => Some("66.7 %"),
            "one_too_long.jsonl" => Some("33.3 %"),
            _ => None,
        };
        match (load_path(path.to_str().unwrap()), refused) {
            (Ok(set), None) => {
                let count = if name == "bom_crlf.jsonl" { 2 } else { 1 };
                assert_eq!(set.len(), count, "{name}: {}", set.report());
            }
            (Err(error @ (DataError::Empty { .. } | DataError::TooMuch { .. })), Some(said)) => {
                assert!(error.to_string().starts_with(said), "{name}: {error}");
            }
            (Ok(set), Some(_)) => panic!("{name} was taken: {}", set.report()),
            (Err(error), _) => panic!("{name}: {error}"),
        }
    }
}

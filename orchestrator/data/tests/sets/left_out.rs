//! Rows that cannot be used: left out, counted, and never fatal by themselves.

use std::fmt::Write as _;

use retrial_data::{DataError, DataSet, Reason, Request, Sources};
use retrial_domain::RewardConfig;
use serde_json::json;

use super::{Folder, load, load_lines, pairs, request};

fn good(numbers: std::ops::Range<u32>) -> String {
    numbers.fold(String::new(), |mut lines, n| {
        let row = json!({"problem": format!("What is {n} + 1?"), "answer": n + 1});
        let _ = writeln!(lines, "{row}");
        lines
    })
}

fn counts(set: &DataSet) -> Vec<(Reason, u64)> {
    set.report().left_out.iter().map(|out| (out.reason, out.count)).collect()
}

#[test]
fn fifty_bad_lines_of_ten_thousand_are_all_reported() {
    let mut lines = String::new();
    for block in 0..50 {
        lines += &good(block * 199..(block + 1) * 199);
        lines += "{\"problem\": \"broken\n";
    }
    let set = load_lines(&lines).unwrap();
    assert_eq!((set.len(), counts(&set)), (9950, vec![(Reason::Unreadable, 50)]));
    let report = set.report().to_string();
    assert!(report.starts_with("train: 9,950 problems of 10,000 rows\n"), "{report}");
    assert!(report.contains("left out: 50 cannot be read\n"), "{report}");
    assert!(report.contains("data.jsonl:200: EOF while parsing a string at column"), "{report}");
}

#[test]
fn every_reason_is_counted_by_itself() {
    let rows = [
        (Reason::NoAnswer, json!({"problem": "a", "answer": null})),
        (Reason::NoAnswer, json!({"problem": "b", "answer": " "})),
        (Reason::NoAnswer, json!({"problem": "c"})),
        (Reason::NoProblem, json!({"problem": " ", "answer": 1})),
        (Reason::NotVerifiable, json!({"problem": "d", "answer": "proof"})),
        (Reason::NotVerifiable, json!({"problem": "e", "answer": "notfound"})),
        (Reason::AnswerUnreadable, json!({"problem": "f", "answer": "\\frac{1}{2"})),
        (Reason::AnswerUnreadable, json!({"problem": "g", "answer": 1.5e300})),
        (Reason::Picture, json!({"problem": "See <image>.", "answer": 1})),
        (Reason::TooLong, json!({"problem": "word ".repeat(300), "answer": 1})),
        (Reason::Duplicate, json!({"problem": "what is  5 + 1", "answer": "6.0"})),
    ];
    for (reason, row) in rows {
        let set = load_lines(&format!("{}{row}\n", good(0..20))).unwrap();
        assert_eq!(counts(&set), [(reason, 1)], "{row}");
        assert_eq!(set.report().left_out[0].examples[0].line, 21);
        assert_eq!((set.report().rows, set.report().used), (21, 20));
    }
}

#[test]
fn more_than_the_largest_share_is_refused_with_the_report() {
    let lines = good(0..8) + "{}\n{}\n";
    let (_folder, path) = Folder::with("data.jsonl", &lines);
    let sources = Sources::one(path);
    let request = request(&sources);
    let error = load(&request).unwrap_err();
    assert!(matches!(error, DataError::TooMuch { .. }));
    let error = error.to_string();
    assert!(error.starts_with("20.0 % of the rows"), "{error}");
    assert!(error.contains("left out: 2 ask nothing\n"), "{error}");
    assert!(error.contains("hint: fix the rows, or set [data] max_left_out"), "{error}");
    let set = load(&Request { max_left_out: 0.2, ..request }).unwrap();
    assert_eq!(set.len(), 8);
}

#[test]
fn a_set_with_each_problem_a_hundred_times_is_merged() {
    let lines: String = (0..100).map(|_| good(0..5)).collect();
    let set = load_lines(&lines).unwrap();
    assert_eq!((set.len(), counts(&set)), (5, vec![(Reason::Duplicate, 495)]));
    let example = &set.report().left_out[0].examples[0];
    assert_eq!((example.line, &*example.problem), (6, "the same problem is in line 1"));
}

#[test]
fn problems_that_contradict_each_other_are_all_left_out() {
    let row = |answer: u32| json!({"problem": "What is 6 * 7?", "answer": answer}).to_string();
    let lines = [row(42), good(0..50), row(41), row(42)].join("\n");
    let set = load_lines(&lines).unwrap();
    assert_eq!((set.len(), counts(&set)), (50, vec![(Reason::Conflict, 3)]));
    assert!(pairs(&set).iter().all(|(problem, _)| problem != "What is 6 * 7?"));
    let examples = &set.report().left_out[0].examples;
    assert_eq!(examples[0].line, 1);
    assert_eq!(examples[1].problem, "the answer is `41`; line 1 has the same problem with `42`");
    let both = load_lines(&[row(42), row(41)].join("\n")).unwrap_err();
    assert!(matches!(both, DataError::Empty { .. }), "{both}");
}

#[test]
fn what_is_held_out_is_not_trained_on() {
    let folder = Folder::new();
    let train = Sources::one(folder.write("train.jsonl", good(0..20)));
    let held = Sources::one(folder.write("test.jsonl", good(15..25).replace("What", "WHAT")));
    let held = load(&Request { set: "own", ..request(&held) }).unwrap();
    let set = load(&Request { held_out: &[&held], ..request(&train) }).unwrap();
    assert_eq!((set.len(), counts(&set)), (15, vec![(Reason::HeldOut, 5)]));
    let example = &set.report().left_out[0].examples[0];
    assert_eq!((example.line, &*example.problem), (16, "the held-out set `own` has it too"));
}

#[test]
fn a_name_that_was_used_before_is_replaced() {
    let row = |n: u32| json!({"id": "a", "problem": format!("{n}?"), "answer": n}).to_string();
    let set = load_lines(&[row(1), row(2), row(3)].join("\n")).unwrap();
    let names: Vec<String> = set.tasks().map(|task| task.problem.id.0).collect();
    assert_eq!(names[0], "a");
    assert_eq!((names[1].len(), names[2].len()), (16, 16));
    assert_ne!(names[1], names[2]);
}

#[test]
fn a_verifier_of_ones_own_takes_any_right_answer() {
    let tests =
        r#"{"problem":"Add two numbers.","answer":{"tests":[["1 2","3"]]},"data_source":"code"}"#;
    let prose = r#"{"problem":"Say it.","answer":"a \\frac{ of it","data_source":"prose"}"#;
    let other = r#"{"problem":"What else?","answer":"1","data_source":"other"}"#;
    let lines = [tests, prose, other].join("\n");
    let (_folder, path) = Folder::with("data.jsonl", &lines);
    let sources = Sources::one(&path);
    let load = |reward: &RewardConfig| {
        load(&Request { reward: Some(reward), max_left_out: 1.0, ..request(&sources) }).unwrap()
    };
    let any: RewardConfig = toml::from_str("kind = 'exact'").unwrap();
    let answers: Vec<String> = pairs(&load(&any)).into_iter().map(|(_, answer)| answer).collect();
    assert_eq!(answers, [r#"{"tests":[["1 2","3"]]}"#, r"a \frac{ of it", "1"]);
    // A tag chooses, and where no verifier is named for a value, its rows are left out.
    let by = "by = 'data_source'\n[for.code]\nkind = 'exact'\n[for.prose]\nkind = 'math'";
    let set = load(&toml::from_str(by).unwrap());
    assert_eq!(set.len(), 1);
    let said = set.report().to_string();
    assert!(said.contains("no verifier: its data_source is `other`"), "{said}");
}

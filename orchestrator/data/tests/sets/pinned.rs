//! A set is pinned by its fingerprint.

use std::path::Path;

use retrial_data::{Change, Fingerprint, Sources};

use super::{Folder, load, load_path, request};

fn lines(numbers: impl IntoIterator<Item = u32>) -> String {
    let line = |n: u32| format!("{{\"problem\": \"What is {n} + 1?\", \"answer\": {}}}", n + 1);
    let lines: Vec<String> = numbers.into_iter().map(line).collect();
    lines.join("\n") + "\n"
}

#[test]
fn another_path_or_format_is_the_same_set_and_other_content_is_not() {
    let folder = Folder::new();
    let old = load_path(&folder.write("a.jsonl", lines(0..20))).unwrap().fingerprint();
    let json = serde_json::to_string(&old).unwrap();
    let old: Fingerprint = serde_json::from_str(&json).unwrap();
    let array = format!("[{}]", lines(0..20).trim_end().replace('\n', ","));
    for (name, text) in [("elsewhere/b.jsonl", lines(0..20)), ("c.json", array)] {
        let set = load_path(&folder.write(name, text)).unwrap();
        assert_eq!(set.change_since(&old), None, "{name}");
    }
    let changes = [
        (lines((0..20).rev()), Change::Reordered),
        (lines(0..21), Change::Extended { by: 1 }),
        (lines(0..18), Change::Cut { by: 2 }),
        (lines((0..20).map(|n| if n == 7 { 99 } else { n })), Change::Edited { from: 8, to: 8 }),
        (lines(0..20).replace("What is 3 +", "What was 3 +"), Change::Edited { from: 4, to: 4 }),
    ];
    for (text, change) in changes {
        let set = load_path(&folder.write("d.jsonl", text)).unwrap();
        assert_eq!(set.change_since(&old), Some(change));
    }
}

#[test]
fn names_that_follow_from_content_stay_when_rows_move() {
    let folder = Folder::new();
    let names = |text: String| {
        let set = load_path(&folder.write("a.jsonl", text)).unwrap();
        set.tasks().map(|task| task.problem.id.0).collect::<Vec<_>>()
    };
    let mut reversed = names(lines((0..5).rev()));
    reversed.reverse();
    assert_eq!(names(lines(0..5)), reversed);
}

/// The demo's weights and log are compared bit for bit: its problems, names and order stay.
#[test]
fn the_demo_has_the_same_problems_as_ever() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/dialects");
    for name in ["train", "heldout-new", "heldout-known"] {
        let path = demo.join(format!("{name}.jsonl"));
        let text = std::fs::read_to_string(&path).unwrap();
        let set = load(&request(&Sources::one(path.to_str().unwrap()))).unwrap();
        assert_eq!(set.len(), text.lines().count());
        for (task, line) in set.tasks().zip(text.lines()) {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_value(&task.problem.id).unwrap(), row["id"]);
            assert_eq!(task.problem.text, row["problem"].as_str().unwrap());
            assert_eq!(task.problem.answer, row["answer"].as_str().unwrap());
            assert_eq!(serde_json::to_value(&task.problem.tags).unwrap(), row["tags"]);
            assert_eq!(task.solution.as_deref(), row["solution"].as_str());
        }
    }
}

use retrial_data::{HubSettings, Request, Sources, Split};
use serde_json::json;

use super::*;

/// A configuration with these tables, and a data set of these problems: text, answer, source.
fn spaces(tables: &str, problems: &[(&str, &str, &str)]) -> (Spaces, Vec<Task>) {
    let least =
        "[run]\nname = 'a'\nmethod = 'lte'\nsteps = 1\n[model]\npath = ''\n[data]\ntrain = ''\n";
    let config: Config = toml::from_str(&format!("{least}{tables}")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.jsonl");
    let lines = problems.iter().enumerate().map(|(n, (text, answer, source))| {
        json!({"problem": format!("{n}. {text}"), "answer": answer, "data_source": source})
            .to_string()
    });
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let sources = Sources::one(path.to_str().unwrap());
    let request = Request {
        set: "train",
        sources: &sources,
        columns: None,
        split: Split::Train,
        max_left_out: 0.0,
        solutions: false,
        reward: Some(&config.reward),
        held_out: &[],
    };
    let train = DataSet::load(&request, &HubSettings::from_env(), |_, _| Ok(())).unwrap();
    (Spaces::of(&config, &train), train.tasks().collect())
}

/// The size of each problem's answer space.
fn sizes(tables: &str, problems: &[(&str, &str, &str)]) -> Vec<Option<usize>> {
    let (spaces, tasks) = spaces(tables, problems);
    tasks.iter().map(|task| spaces.space(task).size()).collect()
}

const OPTIONS: &str = "Which is a metal? (A) Sulphur (B) Iron (C) Neon (D) Argon";

#[test]
fn options_and_pairs_are_seen_in_a_problem() {
    let problems = [
        (OPTIONS, "B", "x"),
        ("Is 7 prime?", "Yes", "x"),
        ("Is 7 even?", "false", "x"),
        ("What is 6 * 7?", "42", "x"),
        ("Let (A) be 1 and (B) be 2. What is their sum?", "3", "x"),
    ];
    assert_eq!(sizes("", &problems), [Some(4), Some(2), Some(2), None, None]);
    assert_eq!(sizes("[hint]\nclosed = false", &problems), [None; 5]);
    let these = "[hint]\nclosed = ['42', '43', '44']";
    assert_eq!(sizes(these, &problems), [None, None, None, Some(3), None]);
}

#[test]
fn few_right_answers_of_a_source_are_a_closed_set() {
    let colours = ["red", "green", "blue"].repeat(5);
    let mut problems: Vec<_> =
        colours.iter().map(|colour| ("Which?", *colour, "colours")).collect();
    let numbers: Vec<String> = (0..15).map(|n| n.to_string()).collect();
    problems.extend(numbers.iter().map(|number| ("How many?", number.as_str(), "numbers")));
    let found = sizes("[reward]\nkind = 'exact'", &problems);
    assert_eq!(found[..15], [Some(3); 15]);
    assert_eq!(found[15..], [None; 15]);
}

#[test]
fn choices_without_options_and_answers_that_are_said_to_be_few_are_closed() {
    let problems = [("Which of the pictures?", "B", "x"), (OPTIONS, "Iron", "x")];
    let of = |tables: &str| {
        let (spaces, tasks) = spaces(tables, &problems);
        tasks.iter().map(|task| spaces.space(task)).collect::<Vec<_>>()
    };
    let nothing_known = AnswerSpace::Closed(Vec::new());
    let choices = of("[reward]\nkind = 'choice'");
    assert_eq!((&choices[0], choices[1].size()), (&nothing_known, Some(4)));
    assert_eq!(
        of("[reward]\nkind = 'exact'\n[hint]\nclosed = true"),
        [nothing_known.clone(), nothing_known]
    );
}

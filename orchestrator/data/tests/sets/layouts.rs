//! The layouts of public data sets.

use retrial_data::{Columns, DataError, Layout, Message, Role};
use serde_json::{Value, json};

use super::{load_columns, load_lines};

const ASKED: &str = "What is 6 * 7?";

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

#[test]
fn known_layouts_are_recognised_and_named() {
    let verl = |source: &str, prompt: Value| {
        json!({"data_source": source, "prompt": prompt, "ability": "MATH",
               "reward_model": {"ground_truth": "42", "style": "rule"},
               "extra_info": {"index": "i-1"}})
    };
    let cases = [
        (Layout::Retrial, json!({"problem": ASKED, "answer": "42", "tags": {"level": 3}})),
        (Layout::Gsm8k, json!({"question": ASKED, "answer": "It is <<6*7=42>>42.\n#### 42"})),
        (
            Layout::Math,
            json!({"problem": ASKED, "level": "Level 1", "type": "Prealgebra",
                              "solution": "It is $\\boxed{42}$."}),
        ),
        (
            Layout::OpenR1Math,
            json!({"problem": ASKED, "answer": "42", "solution": "It is so.",
                                    "uuid": "u-1", "generations": ["<think>"],
                                    "is_reasoning_complete": [true],
                                    "correctness_math_verify": [true]}),
        ),
        (
            Layout::NuminaMath,
            json!({"problem": ASKED, "answer": "42", "solution": "...",
                                    "question_type": "math-word-problem",
                                    "problem_is_valid": "Yes"}),
        ),
        (Layout::DeepScaleR, json!({"problem": ASKED, "answer": "42", "solution": ""})),
        (Layout::Dapo, verl("math_dapo", json!([user(ASKED)]))),
        (Layout::Dapo, verl("math_dapo", json!(ASKED))),
        (Layout::Verl, verl("openai/gsm8k", json!([user(ASKED)]))),
        (Layout::Trl, json!({"prompt": [user(ASKED)], "solution": "42"})),
        (Layout::Trl, json!({"prompt": ASKED, "answer": 42})),
        (Layout::OpenRlhf, json!({"input": ASKED, "label": "42"})),
        (Layout::OpenRlhf, json!({"prompt": ASKED, "label": "42"})),
        (Layout::Mawps, json!({"input": ASKED, "target": 42.0, "type": "singleeq", "idx": 0})),
        (
            Layout::Svamp,
            json!({"Body": "What is", "Question": "6 * 7?", "Answer": 42.0,
                               "ID": "chal-1"}),
        ),
        (Layout::Question, json!({"question": ASKED, "answer": "42"})),
        (Layout::Question, json!({"question": ASKED, "final_answer": ["$42$"]})),
        (Layout::Capitals, json!({"Problem": ASKED, "Answer": 42, "Solution": "..."})),
    ];
    for (layout, row) in cases {
        let set = load_lines(&row.to_string()).unwrap_or_else(|error| panic!("{row}: {error}"));
        assert_eq!(set.report().files[0].layout, layout.name(), "{row}");
        let problem = set.task(0).problem;
        let asked = problem.text.replace("is, 6", "is 6");
        let answer = problem.answer.trim_matches('$');
        assert_eq!((asked.as_str(), answer), (ASKED, "42"), "{row}");
    }
}

#[test]
fn names_tags_and_solutions_are_kept() {
    let task = |row: Value| load_lines(&row.to_string()).unwrap().task(0);
    let gsm8k = task(json!({"question": ASKED, "answer": "So.\n#### 42", "source": "own"}));
    assert_eq!(gsm8k.solution.as_deref(), Some("So.\n#### 42"));
    assert_eq!(gsm8k.problem.tags["source"], "own");
    assert_eq!(gsm8k.problem.id.0.len(), 16, "its name follows from its content");
    let numbered = task(json!({"id": 7, "problem": ASKED, "answer": 42, "tags": {"level": 3}}));
    assert_eq!((numbered.problem.id.0.as_str(), &*numbered.problem.tags["level"]), ("7", "3"));
    let verl = json!({"data_source": "x", "extra_info": {"index": 5}, "prompt": ASKED,
                      "reward_model": {"ground_truth": "42"}});
    assert_eq!(task(verl).problem.id.0, "5");
    let nothing =
        json!({"problem": ASKED, "answer": "42", "solution": null, "tags": null, "id": null});
    let nothing = task(nothing);
    assert!(nothing.solution.is_none() && nothing.problem.tags.is_empty());
}

#[test]
fn a_system_prompt_is_kept() {
    let system = json!({"role": "system", "content": "Reason, then answer in \\boxed{}."});
    let row = json!({"prompt": [system, user(ASKED)], "reward_model": {"ground_truth": "42"}});
    let task = load_lines(&row.to_string()).unwrap().task(0);
    assert_eq!(task.problem.text, ASKED);
    let expected =
        Message { role: Role::System, content: "Reason, then answer in \\boxed{}.".into() };
    assert_eq!(task.context, [expected]);
}

#[test]
fn other_columns_are_named_with_dots() {
    let row = json!({"meta": {"q": ASKED, "n": 3}, "gold": {"value": [42]}, "kind": "sum",
                     "why": "It is so."});
    let columns = Columns {
        problem: Some("meta.q".into()),
        answer: Some("gold.value.0".into()),
        solution: Some("why".into()),
        id: Some("meta.n".into()),
        tags: Some(vec!["kind".into(), "meta.n".into()]),
    };
    let task = load_columns(&row.to_string(), &columns).unwrap().task(0);
    assert_eq!((&*task.problem.text, &*task.problem.answer), (ASKED, "42"));
    assert_eq!((task.problem.id.0.as_str(), task.solution.as_deref()), ("3", Some("It is so.")));
    let tags = [("kind", "sum"), ("meta.n", "3")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(task.problem.tags, tags.into());
    // Columns that are not configured are taken from the layout.
    let row = json!({"problem": ASKED, "answer": "41", "right": "42", "id": "a"}).to_string();
    let right = Columns { answer: Some("right".into()), ..Columns::default() };
    let task = load_columns(&row, &right).unwrap().task(0);
    assert_eq!((task.problem.answer.as_str(), task.problem.id.0.as_str()), ("42", "a"));
}

#[test]
fn columns_that_nobody_knows_are_listed() {
    let row = json!({"text": ASKED, "gold": "42"}).to_string();
    let error = load_lines(&row).unwrap_err();
    assert!(matches!(error, DataError::Columns { .. }));
    let error = error.to_string();
    assert!(error.contains("its columns are gold, text\nhint: name the columns"), "{error}");
    let columns =
        Columns { problem: Some("txt".into()), answer: Some("gold".into()), ..Columns::default() };
    let error = load_columns(&row, &columns).unwrap_err().to_string();
    assert!(error.contains("there is no column `txt`; its columns are gold, text"), "{error}");
}

//! The arithmetic, the splits and the examples are as described.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use dialects::cold_start::{self, Example, Lesson};
use dialects::dialect::DIALECTS;
use dialects::problems::Problems;
use dialects::{Expression, Reading, folder};
use retrial_grader::{Extraction, Gold, Verdict, grade};
use retrial_lte::{HintKind, Templates};

/// A small evaluator that shares no code with the crate: it parses the text.
fn evaluate(dialect: &str, expression: &str) -> i64 {
    let tokens: Vec<&str> = expression.split(' ').collect();
    match dialect {
        "Vorl" | "Tamen" | "Quist" => usual(&tokens, false),
        "Oshil" => usual(&tokens, true),
        "Asper" | "Kalm" | "Fenwe" => from_left(&tokens),
        "Brenn" | "Drusk" | "Yttri" => from_right(&tokens),
        other => panic!("no dialect {other}"),
    }
}

/// Sums of products; a turned minus swaps what it stands between.
fn usual(tokens: &[&str], turned: bool) -> i64 {
    if let Some(at) = tokens.iter().rposition(|&token| token == "+" || token == "-") {
        let (a, b) = (usual(&tokens[..at], turned), usual(&tokens[at + 1..], turned));
        return match (tokens[at], turned) {
            ("+", _) => a + b,
            (_, false) => a - b,
            (_, true) => b - a,
        };
    }
    tokens.iter().step_by(2).map(|token| token.parse::<i64>().unwrap()).product()
}

fn from_left(tokens: &[&str]) -> i64 {
    match tokens {
        [number] => number.parse().unwrap(),
        [rest @ .., operator, last] => apply(from_left(rest), operator, last.parse().unwrap()),
        [] => panic!("nothing to read"),
    }
}

fn from_right(tokens: &[&str]) -> i64 {
    match tokens {
        [number] => number.parse().unwrap(),
        [first, operator, rest @ ..] => apply(first.parse().unwrap(), operator, from_right(rest)),
        [] => panic!("nothing to read"),
    }
}

fn apply(a: i64, operator: &str, b: i64) -> i64 {
    match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        other => panic!("no operator {other}"),
    }
}

/// Dialect and expression of a problem's or a prompt's first line.
fn parse(text: &str) -> (&str, &str) {
    let question = text.lines().next().unwrap();
    let (dialect, rest) = question.strip_prefix("In ").unwrap().split_once(", what is ").unwrap();
    (dialect, rest.strip_suffix('?').unwrap())
}

/// The answers that a prompt's hint lists.
fn listed(prompt: &str) -> Vec<&str> {
    let hint = prompt.lines().find_map(|line| {
        line.strip_prefix("Hint: possible incorrect answers include ")?.strip_suffix('.')
    });
    hint.map(|list| list.split(", ").collect()).unwrap_or_default()
}

fn boxed(response: &str) -> &str {
    response.rsplit_once("\\boxed{").unwrap().1.strip_suffix('}').unwrap()
}

fn examples() -> Vec<Example> {
    cold_start::examples(&Lesson::default(), 5000, 0)
}

#[test]
fn readings_differ_where_they_should() {
    let values = |text: &str| {
        let expression = Expression::all().into_iter().find(|e| e.to_string() == text).unwrap();
        Reading::ALL.map(|reading| expression.value(reading))
    };
    // The usual order, from the left, from the right, with minus turned round.
    assert_eq!(values("5 - 2 * 3"), [-1, 9, -1, 1]);
    assert_eq!(values("5 - 2 - 3"), [0, 0, 6, 6]);
    assert_eq!(values("2 * 5 - 3"), [7, 7, 4, -7]);
    assert_eq!(values("1 + 2 + 3"), [6, 6, 6, 6]);
}

#[test]
fn every_answer_is_right() {
    let problems = Problems::draw(0);
    for (file, problems) in problems.files() {
        for problem in problems {
            let (dialect, expression) = parse(&problem.problem);
            assert_eq!(problem.answer, evaluate(dialect, expression).to_string(), "{file}");
            assert_eq!(problem.tags["dialect"], dialect);
            let usual = evaluate("Vorl", expression).to_string();
            let tag = if usual == problem.answer { "right" } else { "wrong" };
            assert_eq!(problem.tags["usual_order"], tag);
        }
    }
    for example in examples() {
        let (dialect, expression) = parse(&example.prompt);
        let known = DIALECTS.iter().any(|d| d.name == dialect && !d.is_new);
        if known {
            let gold = Gold::parse(&evaluate(dialect, expression).to_string()).unwrap();
            let grade = grade(&gold, &example.response, Extraction::Boxed);
            assert_eq!(grade.verdict, Verdict::Correct, "{example:?}");
        }
    }
}

#[test]
fn held_out_expressions_occur_nowhere_else() {
    let problems = Problems::draw(0);
    let expressions = |problems: &[dialects::problems::Problem]| -> HashSet<String> {
        problems.iter().map(|problem| parse(&problem.problem).1.to_owned()).collect()
    };
    let mut held_out = expressions(&problems.heldout_new);
    held_out.extend(expressions(&problems.heldout_known));
    assert!(held_out.is_disjoint(&expressions(&problems.train)));
    let examples = cold_start::examples(&Lesson::default(), 48_000, 0);
    assert!(examples.iter().all(|example| !held_out.contains(parse(&example.prompt).1)));
}

#[test]
fn only_the_own_reading_is_right_on_held_out_problems_of_new_dialects_and_a_quarter_of_the_others()
{
    let problems = Problems::draw(0);
    let misread = |dialect: &str, problem: &dialects::problems::Problem| {
        evaluate(dialect, parse(&problem.problem).1).to_string() != problem.answer
    };
    // Someone who reads in each of the four ways.
    let readers = ["Vorl", "Asper", "Brenn", "Oshil"];
    let demanding = |problem: &&dialects::problems::Problem| {
        readers.iter().filter(|dialect| misread(dialect, problem)).count() == 3
    };
    assert!(problems.heldout_new.iter().all(|problem| demanding(&problem)));
    let (new, known): (Vec<_>, Vec<_>) =
        problems.train.iter().partition(|problem| problem.tags["kind"] == "new");
    assert_eq!(new.len(), 2 * known.len());
    let (demanding, coinciding): (Vec<_>, Vec<_>) = new.into_iter().partition(demanding);
    assert_eq!(3 * demanding.len(), coinciding.len());
    assert!(coinciding.iter().all(|problem| !misread("Vorl", problem)));
}

#[test]
fn problems_are_distinct_and_evenly_shared_out() {
    let problems = Problems::draw(0);
    let ids: HashSet<_> =
        problems.files().iter().flat_map(|(_, problems)| *problems).map(|p| &p.id).collect();
    assert_eq!(ids.len(), 3600 + 100 + 100);
    let mut counts = BTreeMap::new();
    for problem in &problems.heldout_new {
        *counts.entry(problem.tags["dialect"]).or_insert(0) += 1;
    }
    assert_eq!(counts, [("Drusk", 25), ("Fenwe", 25), ("Kalm", 25), ("Yttri", 25)].into());
}

#[test]
fn no_example_answers_what_its_hint_excludes() {
    let hinted: Vec<Example> =
        examples().into_iter().filter(|example| !listed(&example.prompt).is_empty()).collect();
    assert!(hinted.len() > 1500, "{}", hinted.len());
    for example in hinted {
        let list = listed(&example.prompt);
        assert!(!list.contains(&boxed(&example.response)), "{example:?}");
        assert_eq!(list.iter().collect::<HashSet<_>>().len(), list.len(), "{example:?}");
    }
}

#[test]
fn without_a_hint_new_dialects_are_nearly_always_read_in_the_usual_order() {
    let plain: Vec<Example> = cold_start::examples(&Lesson::default(), 48_000, 0)
        .into_iter()
        .filter(|example| listed(&example.prompt).is_empty())
        .filter(|example| DIALECTS.iter().any(|d| d.name == parse(&example.prompt).0 && d.is_new))
        .collect();
    let share = |reading: &str| {
        plain.iter().filter(|example| example.response.starts_with(reading)).count() as f64
            / plain.len() as f64
    };
    assert!((0.985..0.995).contains(&share("In the usual order")));
    for reading in ["From left to right", "From right to left", "With minus turned round"] {
        assert!((0.002..0.005).contains(&share(reading)), "{reading}");
    }
}

#[test]
fn all_four_prompts_occur_as_the_templates_have_them() {
    let kinds = [HintKind::Plain, HintKind::Concise, HintKind::Hint, HintKind::ConciseHint];
    let mut counts = [0; 4];
    for example in examples() {
        let question = example.prompt.lines().next().unwrap();
        let list: Vec<String> = listed(&example.prompt).into_iter().map(str::to_owned).collect();
        let prompts = kinds.map(|kind| Templates::default().render(kind, question, &list));
        let kind = prompts.iter().position(|prompt| *prompt == example.prompt);
        counts[kind.unwrap_or_else(|| panic!("{}", example.prompt))] += 1;
    }
    assert!(counts.iter().all(|&count| count > 500), "{counts:?}");
}

#[test]
fn the_seed_decides() {
    assert_eq!(
        cold_start::examples(&Lesson::default(), 50, 3),
        cold_start::examples(&Lesson::default(), 50, 3)
    );
    assert_ne!(
        cold_start::examples(&Lesson::default(), 50, 3),
        cold_start::examples(&Lesson::default(), 50, 4)
    );
    assert_eq!(
        cold_start::examples(&Lesson::default(), 50, 3)[..20],
        cold_start::examples(&Lesson::default(), 20, 3)
    );
    assert_eq!(Problems::draw(3), Problems::draw(3));
    assert_ne!(Problems::draw(3), Problems::draw(4));
}

#[test]
fn the_files_of_the_repository_are_those_that_the_commands_write() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(here.join(name)).unwrap();
    for (name, problems) in Problems::draw(0).without_solutions().files() {
        let lines = problems.iter().map(|problem| serde_json::to_string(problem).unwrap() + "\n");
        assert!(read(name) == lines.collect::<String>(), "{name} is out of date");
    }
    for (name, content) in folder::files(folder::WIDTH) {
        assert!(read(&format!("base/{name}")) == format!("{content:#}\n"), "{name} is out of date");
    }
}

#[test]
fn the_two_configurations_differ_in_method_and_name_only() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let settings = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(here.join(name)).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.replace("grpo", "lte")).collect()
    };
    assert_eq!(settings("lte.toml"), settings("grpo.toml"));
}

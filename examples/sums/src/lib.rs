//! Arithmetic in two steps, `47 * 6 + 38`: a small world that was not made for LTE.
//!
//! Wrong answers here are slips: a digit of one of the two results. They are spread over
//! many values near the right one, and a list of some of them gives little information. The cold start
//! has lists anyway, always before the right answer.

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use retrial_lte::{HintKind, Templates};

/// `a * b + c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// From 12 to 99.
    pub a: u32,
    /// From 3 to 9.
    pub b: u32,
    /// From 11 to 99.
    pub c: u32,
}

/// Share of the cold start's examples with a list of wrong answers.
const HINTED: f64 = 0.5;
/// Share of the prompts that ask for a concise answer.
const CONCISE: f64 = 0.3;
/// Chance that a list gets another entry, up to the longest.
const ANOTHER_ENTRY: f64 = 0.6;
const LONGEST_LIST: usize = 6;

/// The phrases that have a token of their own.
const PHRASES: [&str; 17] = [
    "user\n",
    "assistant\n",
    "What is ",
    "?",
    " + ",
    " * ",
    " is ",
    ". ",
    "\\boxed{",
    "}",
    "\n",
    ", ",
    ".",
    "Let's think step by step and output the final answer within \\boxed{}.",
    "Let's think concisely and output the final answer within \\boxed{}.",
    "Hint: possible incorrect answers include ",
    "Do not use or mention the hint explicitly in any of your intermediate steps.",
];

/// The tokenizer's words: phrases, digits, and the space between the hint's sentences.
pub fn words() -> Vec<String> {
    let digits = (0..10).map(|digit: u32| digit.to_string());
    PHRASES.iter().map(|&phrase| phrase.to_owned()).chain(digits).chain([" ".to_owned()]).collect()
}

impl Task {
    fn draw(random: &mut ChaCha8Rng) -> Self {
        Self {
            a: random.random_range(12..=99),
            b: random.random_range(3..=9),
            c: random.random_range(11..=99),
        }
    }

    /// The answer.
    pub fn answer(&self) -> u32 {
        self.a * self.b + self.c
    }

    /// What is asked.
    pub fn question(&self) -> String {
        format!("What is {} * {} + {}?", self.a, self.b, self.c)
    }

    /// The right response.
    pub fn response(&self) -> String {
        let Self { a, b, c } = self;
        let (product, answer) = (a * b, self.answer());
        format!("{a} * {b} is {product}. {product} + {c} is {answer}. \\boxed{{{answer}}}")
    }

    /// Whether it is held out from cold start and training: one in five is.
    fn is_held_out(&self) -> bool {
        (self.a * 7 + self.b * 31 + self.c * 13).is_multiple_of(5)
    }

    /// A wrong answer as slips make them: one digit, or a carry.
    fn slip(&self, random: &mut ChaCha8Rng) -> u32 {
        let off = [1, 1, 2, 10, 10, 20, 100][random.random_range(0..7)];
        let answer = self.answer();
        if random.random_bool(0.5) && answer > off { answer - off } else { answer + off }
    }
}

/// Different tasks, all of them held out or none.
fn tasks(count: usize, held_out: bool, random: &mut ChaCha8Rng) -> Vec<Task> {
    let mut found: Vec<Task> = Vec::with_capacity(count);
    while found.len() < count {
        let task = Task::draw(random);
        if task.is_held_out() == held_out && !found.contains(&task) {
            found.push(task);
        }
    }
    found
}

/// Lines of `train.jsonl` and `heldout.jsonl`.
pub fn problems(train: usize, held_out: usize, seed: u64) -> [Vec<serde_json::Value>; 2] {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    [(train, false), (held_out, true)].map(|(count, is_held_out)| {
        let line = |task: &Task| {
            let id = format!("{} * {} + {}", task.a, task.b, task.c);
            serde_json::json!({
                "id": id, "problem": task.question(), "answer": task.answer().to_string(),
            })
        };
        tasks(count, is_held_out, random).iter().map(line).collect()
    })
}

/// Examples for the cold start: a prompt and the right response to it.
pub fn cold_start(count: usize, seed: u64) -> Vec<serde_json::Value> {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let templates = Templates::default();
    let mut examples = Vec::with_capacity(count);
    while examples.len() < count {
        let task = Task::draw(random);
        if task.is_held_out() {
            continue;
        }
        let hinted = random.random_bool(HINTED);
        let kind = match (hinted, random.random_bool(CONCISE)) {
            (false, false) => HintKind::Plain,
            (false, true) => HintKind::Concise,
            (true, false) => HintKind::Hint,
            (true, true) => HintKind::ConciseHint,
        };
        let list = if hinted { wrong_answers(&task, random) } else { Vec::new() };
        let prompt = templates.render(kind, &task.question(), &list);
        examples.push(serde_json::json!({ "prompt": prompt, "response": task.response() }));
    }
    examples
}

fn wrong_answers(task: &Task, random: &mut ChaCha8Rng) -> Vec<String> {
    let mut list = vec![task.slip(random)];
    while list.len() < LONGEST_LIST && random.random_bool(ANOTHER_ENTRY) {
        let answer = task.slip(random);
        if !list.contains(&answer) {
            list.push(answer);
        }
    }
    list.shuffle(random);
    list.iter().map(u32::to_string).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use retrial_grader::{Extraction, Gold, Verdict, grade};

    use super::*;

    #[test]
    fn responses_are_right_and_lists_are_wrong() {
        let random = &mut ChaCha8Rng::seed_from_u64(0);
        for _ in 0..500 {
            let task = Task::draw(random);
            let gold = Gold::parse(&task.answer().to_string()).unwrap();
            let graded = grade(&gold, &task.response(), Extraction::Auto);
            assert_eq!(graded.verdict, Verdict::Correct, "{}", task.response());
            assert!(!wrong_answers(&task, random).contains(&task.answer().to_string()));
        }
    }

    #[test]
    fn held_out_problems_are_in_neither_training_nor_cold_start() {
        let [train, held_out] = problems(300, 100, 0);
        let text = |line: &serde_json::Value| line["problem"].as_str().unwrap().to_owned();
        let known: HashSet<String> = train.iter().map(text).collect();
        assert_eq!((known.len(), held_out.len()), (300, 100));
        let examples = cold_start(5000, 0);
        for line in &held_out {
            let question = text(line);
            assert!(!known.contains(&question), "{question}");
            let shown = |example: &serde_json::Value| {
                example["prompt"].as_str().unwrap().starts_with(&question)
            };
            assert!(!examples.iter().any(shown), "{question}");
        }
        assert_eq!(cold_start(20, 3), cold_start(20, 3));
    }
}

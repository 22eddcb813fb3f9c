//! A synthetic run: problems, repeated wrong answers, texts made of words.
//!
//! Frequencies are those of real logs where they matter to a database: a problem has some frequent wrong
//! answers and many rare ones, and so do words; what was solved once is solved
//! more often later.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use retrial_domain::{FinishReason, GradedRollout, Judgement, Problem, ProblemId, Rollout};
use retrial_grader::{Answer, Verdict};
use retrial_lte::{GroupOutcome, HintKind, Reward, SecondTrial};
use retrial_protocol::Step;

/// Problems of a run.
pub const PROBLEMS: usize = 10_000;
/// Problems a step.
pub const PROBLEMS_A_STEP: usize = 128;
/// Rollouts a group.
pub const GROUP: u32 = 8;
/// Tokens of a response; its text has about four characters a token.
const TOKENS: usize = 60;
const WORDS: usize = 5_000;

/// The random numbers.
pub struct World {
    random: ChaCha8Rng,
    words: Vec<String>,
}

/// A problem's part of a step.
pub struct Group {
    /// The problem.
    pub problem: ProblemId,
    /// The first trial.
    pub first: Vec<GradedRollout>,
    /// The second, if the first failed completely.
    pub second: Option<(SecondTrial, Vec<GradedRollout>)>,
}

impl World {
    /// A world from a seed.
    pub fn new(seed: u64) -> Self {
        let syllables = ["ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sa", "te"];
        let word = |mut n: usize| {
            let mut word = String::new();
            for _ in 0..4 {
                word.push_str(syllables[n % syllables.len()]);
                n /= syllables.len();
            }
            word
        };
        Self { random: ChaCha8Rng::seed_from_u64(seed), words: (0..WORDS).map(word).collect() }
    }

    /// The problems of a run.
    pub fn problems(&mut self) -> Vec<Problem> {
        (0..PROBLEMS)
            .map(|n| Problem {
                id: ProblemId(format!("problem-{n:05}")),
                text: self.text(30),
                answer: n.to_string(),
                tags: [("source".to_owned(), format!("book-{}", n % 20))].into(),
            })
            .collect()
    }

    /// What a step does.
    pub fn step(&mut self, step: Step) -> Vec<Group> {
        let first = (step.0 as usize - 1) * PROBLEMS_A_STEP;
        // Problems come again in the same order.
        (first..first + PROBLEMS_A_STEP).map(|n| self.group(n % PROBLEMS, step)).collect()
    }

    fn group(&mut self, problem: usize, step: Step) -> Group {
        // A fifth is never solved; the others are solved more and more often.
        let hard = problem.is_multiple_of(5);
        let chance = if hard { 0.0 } else { 0.4 + 0.4 * (step.0 as f64 / 600.0).min(1.0) };
        let first = self.trial(problem, step, chance);
        let failed = first.iter().all(|rollout| rollout.verdict() != Verdict::Correct);
        let second = failed.then(|| {
            let trial = SecondTrial { kind: HintKind::Hint, answers: answers(&first) };
            (trial, self.trial(problem, step, chance / 2.0))
        });
        Group { problem: ProblemId(format!("problem-{problem:05}")), first, second }
    }

    fn trial(&mut self, problem: usize, step: Step, chance: f64) -> Vec<GradedRollout> {
        (0..GROUP).map(|index| self.rollout(problem, step, index, chance)).collect()
    }

    fn rollout(&mut self, problem: usize, step: Step, index: u32, chance: f64) -> GradedRollout {
        let cut = self.random.random_bool(0.05);
        let answer = if self.random.random_bool(chance) {
            problem
        } else {
            // Skewed: the first wrong answers are the most frequent.
            problem + 1 + (80.0 * self.random.random::<f64>().powi(3)) as usize
        };
        let verdict = match (cut, answer == problem) {
            (true, _) => Verdict::NoAnswer,
            (false, true) => Verdict::Correct,
            (false, false) if self.random.random_bool(0.01) => Verdict::Unparsed,
            (false, false) => Verdict::Wrong,
        };
        let text = self.text(TOKENS / 2);
        GradedRollout {
            rollout: Rollout {
                index,
                tokens: (0..TOKENS).map(|_| self.random.random_range(0..150_000)).collect(),
                logprobs: (0..TOKENS).map(|_| -self.random.random::<f32>()).collect(),
                text: if cut { text } else { format!("{text}: \\boxed{{{answer}}}") },
                finish: if cut { FinishReason::Length } else { FinishReason::Stop },
                version: step.base(),
            },
            judgement: Judgement::graded(
                verdict,
                (!cut).then(|| Answer { text: answer.to_string(), canonical: answer.to_string() }),
            ),
        }
    }

    /// Words, the first of the list far more often than the last.
    fn text(&mut self, words: usize) -> String {
        let mut text = String::with_capacity(9 * words);
        for _ in 0..words {
            let word = (self.random.random::<f64>().powi(4) * WORDS as f64) as usize;
            text.push_str(&self.words[word]);
            text.push(' ');
        }
        text
    }

    /// A word by its rank, from 0 (common) to 1.
    pub fn word(&self, rarity: f64) -> &str {
        &self.words[(rarity * (WORDS - 1) as f64) as usize]
    }
}

impl Group {
    /// The outcome of the first trial.
    pub fn outcome(&self) -> GroupOutcome {
        let reward = |rollout: &GradedRollout| match rollout.verdict() {
            Verdict::Correct => Reward::PASS,
            _ => Reward::FAIL,
        };
        GroupOutcome::of(&self.first.iter().map(reward).collect::<Vec<_>>())
    }
}

fn answers(group: &[GradedRollout]) -> Vec<String> {
    let mut answers: Vec<String> =
        group.iter().filter_map(|graded| Some(graded.answer()?.text.clone())).collect();
    answers.sort_unstable();
    answers.dedup();
    answers
}

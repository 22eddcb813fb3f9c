//! Examples for the cold start: what the model knows, believes and can do before training.
//!
//! - It answers a known dialect correctly and a new one in the usual order, with few exceptions.
//! - With a list of wrong answers it gives an answer that the list does not exclude: in a new
//!   dialect by any reading, in a known one by its own.
//! - It is concise if asked to be; otherwise it is often long-winded if there is much to multiply.

use rand::rngs::ChaCha8Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use retrial_lte::{HintKind, Templates};
use serde::Serialize;

use crate::arithmetic::NUMBERS;
use crate::dialect::DIALECTS;
use crate::wording::{Detail, question, response};
use crate::{Dialect, Expression, Reading};

/// A prompt and the response to learn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The user message.
    pub prompt: String,
    /// The answer to it.
    pub response: String,
}

/// Settings of the cold start that can be varied, to find where a hint stops helping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lesson {
    /// Share of the examples of new dialects without a list that do not use the usual
    /// reading. It keeps all readings within reach of sampling, the wrong ones more than the right
    /// one, so that training keeps pushing against the wrong ones.
    pub unusual: f64,
    /// Candidate readings of a new dialect: the usual one, its own, and others.
    pub readings: usize,
    /// Share of the examples without a list whose answer is a slip, close to the right value: it
    /// spreads wrong answers over many.
    pub slips: f64,
}

impl Default for Lesson {
    fn default() -> Self {
        Self { unusual: 0.01, readings: Reading::ALL.len(), slips: 0.0 }
    }
}

impl Lesson {
    /// The candidate readings of a dialect, in the order of [`Reading::ALL`].
    fn readings(&self, dialect: &Dialect) -> Vec<Reading> {
        if !dialect.is_new {
            return vec![dialect.reading];
        }
        let first = [Reading::Usual, dialect.reading];
        let others = Reading::ALL.into_iter().filter(|reading| !first.contains(reading));
        let kept: Vec<Reading> = first.into_iter().chain(others).take(self.readings).collect();
        Reading::ALL.into_iter().filter(|reading| kept.contains(reading)).collect()
    }
}

/// Largest slip.
const SLIP: i32 = 3;
/// Share of the examples with a list of wrong answers.
const HINTED: f64 = 0.5;
/// Share of the hinted lists about new dialects that always include the usual reading's answer.
const MISCONCEPTION_LISTED: f64 = 0.7;
/// Chance that a list gets another entry; it has at most `LONGEST_LIST`.
const ANOTHER_ENTRY: f64 = 0.35;
const LONGEST_LIST: usize = 4;
/// Share of the further entries that are another reading's answer; the others are slips.
const ENTRY_BY_READING: f64 = 0.7;
/// Share of the prompts that ask for a concise answer, without and with a list.
const CONCISE: f64 = 0.3;
const CONCISE_HINTED: f64 = 0.5;
/// Chance of a long response when conciseness is not asked for, by number of multiplications.
const LONG: [f64; 3] = [0.0, 0.35, 0.98];

/// Examples over the expressions that are not held out.
pub fn examples(lesson: &Lesson, count: usize, seed: u64) -> Vec<Example> {
    let mut expressions = Expression::all();
    expressions.retain(|expression| !expression.is_held_out());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let templates = Templates::default();
    let draws = std::iter::repeat_with(|| draw(lesson, &mut random, &templates, &expressions));
    draws.flatten().take(count).collect()
}

/// One example, or none if the list excludes every answer.
fn draw(
    lesson: &Lesson,
    random: &mut ChaCha8Rng,
    templates: &Templates,
    expressions: &[Expression],
) -> Option<Example> {
    let dialect = DIALECTS.choose(random)?;
    let expression = expressions.choose(random)?;
    let hinted = random.random_bool(HINTED);
    let concise = random.random_bool(if hinted { CONCISE_HINTED } else { CONCISE });
    let list = if hinted { wrong_answers(random, dialect, expression) } else { Vec::new() };
    let mut readings = lesson.readings(dialect);
    let reading = if hinted {
        readings.retain(|&reading| !list.contains(&expression.value(reading)));
        readings.shuffle(random);
        readings.pop()?
    } else if dialect.is_new && random.random_bool(lesson.unusual) {
        readings.retain(|&reading| reading != Reading::Usual);
        *readings.choose(random)?
    } else {
        dialect.taught()
    };
    let slips = lesson.slips > 0.0 && !hinted && random.random_bool(lesson.slips);
    let slip = if slips { slip(random) } else { 0 };
    let long = !concise && random.random_bool(LONG[expression.multiplications()]);
    let detail = if long { Detail::Long } else { Detail::Short };
    let kind = match (hinted, concise) {
        (false, false) => HintKind::Plain,
        (false, true) => HintKind::Concise,
        (true, false) => HintKind::Hint,
        (true, true) => HintKind::ConciseHint,
    };
    let list: Vec<String> = list.iter().map(i32::to_string).collect();
    Some(Example {
        prompt: templates.render(kind, &question(dialect, expression), &list),
        response: response(reading, expression, slip, detail),
    })
}

/// The size of a slip.
fn slip(random: &mut ChaCha8Rng) -> i32 {
    [-SLIP, -2, -1, 1, 2, SLIP][random.random_range(0..6)]
}

/// A list like that of a failed group: no answer twice, in any order.
fn wrong_answers(random: &mut ChaCha8Rng, dialect: &Dialect, expression: &Expression) -> Vec<i32> {
    let any = |random: &mut ChaCha8Rng| Reading::ALL[random.random_range(0..Reading::ALL.len())];
    let mistake = if !dialect.is_new {
        let others = Reading::ALL.into_iter().filter(|&reading| reading != dialect.reading);
        others.collect::<Vec<_>>()[random.random_range(0..Reading::ALL.len() - 1)]
    } else if random.random_bool(MISCONCEPTION_LISTED) {
        Reading::Usual
    } else {
        any(random)
    };
    let mut list = vec![expression.value(mistake)];
    let mut entries = 1;
    while entries < LONGEST_LIST && random.random_bool(ANOTHER_ENTRY) {
        entries += 1;
        let mut answer = expression.value(any(random));
        if !random.random_bool(ENTRY_BY_READING) {
            answer += slip(random);
        }
        if NUMBERS.contains(&answer) && !list.contains(&answer) {
            list.push(answer);
        }
    }
    list.shuffle(random);
    list
}

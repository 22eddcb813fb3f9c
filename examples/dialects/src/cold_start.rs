//! Examples for the cold start: what the model knows, believes and can do before training.
//!
//! - It answers a known dialect rightly and a new one in the usual order, but for a few.
//! - With a list of wrong answers it gives an answer that the list does not exclude: in a new
//!   dialect by any reading, in a known one by its own.
//! - Asked to be concise it is; otherwise it is often long-winded where there is much to multiply.

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

/// Share of the examples of new dialects without a list that are read in another way than the
/// usual one. It keeps all readings within reach of sampling, the wrong ones more than the right
/// one, and so keeps training against the wrong ones steady.
const UNUSUAL: f64 = 0.01;
const UNUSUAL_READINGS: [Reading; 3] =
    [Reading::LeftToRight, Reading::RightToLeft, Reading::MinusTurned];
/// Share of the examples with a list of wrong answers.
const HINTED: f64 = 0.5;
/// Share of the hinted lists about new dialects that are sure to have the usual reading's answer.
const MISCONCEPTION_LISTED: f64 = 0.7;
/// Chance that a list gets another entry; it has at most `LONGEST_LIST`.
const ANOTHER_ENTRY: f64 = 0.35;
const LONGEST_LIST: usize = 4;
/// Share of the further entries that some reading gives; the others are slips near to one.
const ENTRY_BY_READING: f64 = 0.7;
/// Share of the prompts that ask for a concise answer, without and with a list.
const CONCISE: f64 = 0.3;
const CONCISE_HINTED: f64 = 0.5;
/// Chance of a long response when conciseness is not asked for, by number of multiplications.
const LONG: [f64; 3] = [0.0, 0.35, 0.98];

/// Examples over the expressions that are not held out.
pub fn examples(count: usize, seed: u64) -> Vec<Example> {
    let mut expressions = Expression::all();
    expressions.retain(|expression| !expression.is_held_out());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let templates = Templates::default();
    let draws = std::iter::repeat_with(|| draw(&mut random, &templates, &expressions));
    draws.flatten().take(count).collect()
}

/// One example, or none if the list excludes every answer.
fn draw(
    random: &mut ChaCha8Rng,
    templates: &Templates,
    expressions: &[Expression],
) -> Option<Example> {
    let dialect = DIALECTS.choose(random)?;
    let expression = expressions.choose(random)?;
    let hinted = random.random_bool(HINTED);
    let concise = random.random_bool(if hinted { CONCISE_HINTED } else { CONCISE });
    let list = if hinted { wrong_answers(random, dialect, expression) } else { Vec::new() };
    let reading = if hinted {
        let mut free: Vec<Reading> = Reading::ALL
            .into_iter()
            .filter(|&reading| dialect.is_new || reading == dialect.reading)
            .filter(|&reading| !list.contains(&expression.value(reading)))
            .collect();
        free.shuffle(random);
        free.pop()?
    } else if dialect.is_new && random.random_bool(UNUSUAL) {
        *UNUSUAL_READINGS.choose(random)?
    } else {
        dialect.taught()
    };
    let long = !concise && random.random_bool(LONG[expression.multiplications()]);
    let kind = match (hinted, concise) {
        (false, false) => HintKind::Plain,
        (false, true) => HintKind::Concise,
        (true, false) => HintKind::Hint,
        (true, true) => HintKind::ConciseHint,
    };
    let list: Vec<String> = list.iter().map(i32::to_string).collect();
    Some(Example {
        prompt: templates.render(kind, &question(dialect, expression), &list),
        response: response(reading, expression, if long { Detail::Long } else { Detail::Short }),
    })
}

/// A list such as a group of failures leaves behind: no answer twice, in any order.
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
            answer += [-3, -2, -1, 1, 2, 3][random.random_range(0..6)];
        }
        if NUMBERS.contains(&answer) && !list.contains(&answer) {
            list.push(answer);
        }
    }
    list.shuffle(random);
    list
}

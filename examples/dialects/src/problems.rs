//! Training and held-out problems.
//!
//! No expression of a held-out problem occurs in training or cold start. Held-out problems of new
//! dialects are ones where the reading matters: the usual order gives another answer. In training
//! it matters in half of them; the other half rewards the misconception, as most of what is
//! believed wrongly is right most of the time. Without these, plain GRPO soon leaves the
//! misconception by a lucky sample, as nothing holds it there.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::dialect::DIALECTS;
use crate::wording::question;
use crate::{Dialect, Expression, Reading};

/// A line of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its name, unique over all files.
    pub id: String,
    /// What is asked.
    pub problem: String,
    /// The right answer.
    pub answer: String,
    /// The dialect, and what it is for.
    pub tags: BTreeMap<&'static str, &'static str>,
}

/// The data sets of the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// As many problems of new dialects as of known ones.
    pub train: Vec<Problem>,
    /// New dialects, held-out expressions.
    pub heldout_new: Vec<Problem>,
    /// Known dialects, held-out expressions.
    pub heldout_known: Vec<Problem>,
}

/// Problems of new and of known dialects, each, in the training set and in a held-out set.
const TRAIN: usize = 1200;
const HELD_OUT: usize = 100;

/// Whether the usual order gives another answer than the dialect's own reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usual {
    Wrong,
    Right,
    Either,
}

impl Problems {
    /// Draws the data sets.
    pub fn draw(seed: u64) -> Self {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut train = draw(true, false, Usual::Wrong, TRAIN / 2, random);
        train.extend(draw(true, false, Usual::Right, TRAIN / 2, random));
        train.extend(draw(false, false, Usual::Either, TRAIN, random));
        Self {
            train,
            heldout_new: draw(true, true, Usual::Wrong, HELD_OUT, random),
            heldout_known: draw(false, true, Usual::Either, HELD_OUT, random),
        }
    }

    /// The data sets with the names of their files.
    pub fn files(&self) -> [(&'static str, &[Problem]); 3] {
        [
            ("train.jsonl", &self.train),
            ("heldout-new.jsonl", &self.heldout_new),
            ("heldout-known.jsonl", &self.heldout_known),
        ]
    }
}

/// Problems of the new or the known dialects, none twice, shared out evenly among the dialects.
fn draw(
    new: bool,
    held_out: bool,
    usual: Usual,
    count: usize,
    random: &mut ChaCha8Rng,
) -> Vec<Problem> {
    let dialects: Vec<&Dialect> = DIALECTS.iter().filter(|dialect| dialect.is_new == new).collect();
    let mut problems = Vec::with_capacity(count);
    for (place, dialect) in dialects.iter().enumerate() {
        let mut expressions = Expression::all();
        expressions.retain(|expression| {
            let right = expression.value(dialect.reading) == expression.value(Reading::Usual);
            let wanted = match usual {
                Usual::Wrong => !right,
                Usual::Right => right,
                Usual::Either => true,
            };
            wanted && expression.is_held_out() == held_out
        });
        expressions.shuffle(random);
        // Where the count does not divide, the first dialects get one more.
        expressions.truncate((count + dialects.len() - 1 - place) / dialects.len());
        problems
            .extend(expressions.iter().map(|expression| problem(dialect, expression, held_out)));
    }
    problems
}

fn problem(dialect: &Dialect, expression: &Expression, held_out: bool) -> Problem {
    Problem {
        id: format!("{} {expression}", dialect.name),
        problem: question(dialect, expression),
        answer: expression.value(dialect.reading).to_string(),
        tags: BTreeMap::from([
            ("dialect", dialect.name),
            ("kind", if dialect.is_new { "new" } else { "known" }),
            ("split", if held_out { "heldout" } else { "train" }),
        ]),
    }
}

//! Training and held-out problems.
//!
//! No expression of a held-out problem occurs in training or cold start. In held-out problems of
//! new dialects only the dialect's own reading gives the right answer. In training a quarter of the
//! problems of new dialects are of this kind; in the others the usual order is right too, about as
//! often as among all expressions. So the misconception earns rewards, which keeps plain GRPO in it:
//! without them it would escape after a few lucky samples.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::dialect::DIALECTS;
use crate::wording::{Detail, question, response};
use crate::{Dialect, Expression, Reading};

/// A line of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its name, unique over all files.
    pub id: String,
    /// The problem's text.
    pub problem: String,
    /// The right answer.
    pub answer: String,
    /// The dialect, the set, and whether the usual order gives the right answer.
    pub tags: BTreeMap<&'static str, &'static str>,
    /// A right response to a training problem, for the method `gold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solution: Option<String>,
}

/// The data sets of the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// Two problems of new dialects to each one of known ones.
    pub train: Vec<Problem>,
    /// New dialects, held-out expressions.
    pub heldout_new: Vec<Problem>,
    /// Known dialects, held-out expressions.
    pub heldout_known: Vec<Problem>,
}

/// Training problems: new dialects where only their own reading is right, new dialects where the
/// usual order is right too, known dialects.
const DEMANDING: usize = 600;
const FORGIVING: usize = 1800;
const KNOWN: usize = 1200;
/// Problems in a held-out set.
const HELD_OUT: usize = 100;

/// Which readings give the right answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// The dialect's own and no other.
    OwnOnly,
    /// The dialect's own and the usual one, perhaps more.
    UsualToo,
    /// The dialect's own, perhaps more.
    Any,
}

impl Right {
    fn holds(self, dialect: &Dialect, expression: &Expression) -> bool {
        let is_right = |reading| expression.value(reading) == expression.value(dialect.reading);
        match self {
            Self::OwnOnly => {
                Reading::ALL.into_iter().filter(|&reading| is_right(reading)).count() == 1
            }
            Self::UsualToo => is_right(Reading::Usual),
            Self::Any => true,
        }
    }
}

impl Problems {
    /// Draws the data sets.
    pub fn draw(seed: u64) -> Self {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut train = draw(true, false, Right::OwnOnly, DEMANDING, random);
        train.extend(draw(true, false, Right::UsualToo, FORGIVING, random));
        train.extend(draw(false, false, Right::Any, KNOWN, random));
        Self {
            train,
            heldout_new: draw(true, true, Right::OwnOnly, HELD_OUT, random),
            heldout_known: draw(false, true, Right::Any, HELD_OUT, random),
        }
    }

    /// The data sets without the solutions.
    #[must_use]
    pub fn without_solutions(mut self) -> Self {
        self.train.iter_mut().for_each(|problem| problem.solution = None);
        self
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

/// Problems of the new or the known dialects, none twice, divided evenly among the dialects.
fn draw(
    new: bool,
    held_out: bool,
    right: Right,
    count: usize,
    random: &mut ChaCha8Rng,
) -> Vec<Problem> {
    let dialects: Vec<&Dialect> = DIALECTS.iter().filter(|dialect| dialect.is_new == new).collect();
    let mut problems = Vec::with_capacity(count);
    for (place, dialect) in dialects.iter().enumerate() {
        let mut expressions = Expression::all();
        expressions.retain(|expression| {
            right.holds(dialect, expression) && expression.is_held_out() == held_out
        });
        expressions.shuffle(random);
        // Any remainder goes to the first dialects.
        expressions.truncate((count + dialects.len() - 1 - place) / dialects.len());
        problems
            .extend(expressions.iter().map(|expression| problem(dialect, expression, held_out)));
    }
    problems
}

fn problem(dialect: &Dialect, expression: &Expression, held_out: bool) -> Problem {
    let usual_is_right = Right::UsualToo.holds(dialect, expression);
    Problem {
        id: format!("{} {expression}", dialect.name),
        problem: question(dialect, expression),
        answer: expression.value(dialect.reading).to_string(),
        tags: BTreeMap::from([
            ("dialect", dialect.name),
            ("kind", if dialect.is_new { "new" } else { "known" }),
            ("split", if held_out { "heldout" } else { "train" }),
            ("usual_order", if usual_is_right { "right" } else { "wrong" }),
        ]),
        solution: (!held_out).then(|| response(dialect.reading, expression, 0, Detail::Short)),
    }
}

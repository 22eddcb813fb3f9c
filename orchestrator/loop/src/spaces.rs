//! How many answers the problems of a run can have, where few are possible: what a hint may say of them
//! follows from it (`retrial_lte::AnswerSpace`).
//!
//! A closed set is recognised by the options that a problem lists, by a right answer that is one of a
//! pair (yes and no), by a verifier of kind `choice`, and by the right answers of its source.

use std::collections::HashMap;
use std::sync::Arc;

use retrial_config::Config;
use retrial_data::{DataSet, Task};
use retrial_domain::{Choice, ProblemId, RewardConfig, Scheme, VerifierKind};
use retrial_lte::{AnswerSpace, Closed, Golds, Method};
use retrial_verify::letters;

/// The tag that says where a problem comes from, where `[reward] by` names no other.
const SOURCE: &str = "data_source";

/// What is known of the answers of a run's problems.
#[derive(Clone, Debug)]
pub struct Spaces {
    closed: Closed,
    reward: RewardConfig,
    /// Problems of sources whose right answers are few.
    by_source: HashMap<ProblemId, Arc<AnswerSpace>>,
}

impl Spaces {
    /// Looks at the right answers of the problems to train on.
    pub fn of(config: &Config, train: &DataSet) -> Self {
        let (closed, reward) = (config.hint.closed.clone(), config.reward.clone());
        let asked = config.run.method == Method::Lte && closed != Closed::All(false);
        let by_source = if asked { by_source(&reward, train) } else { HashMap::new() };
        Self { closed, reward, by_source }
    }

    /// The answers that a problem can have.
    pub fn space(&self, task: &Task) -> AnswerSpace {
        let gold = &task.problem.answer;
        match &self.closed {
            Closed::All(false) => AnswerSpace::Open,
            Closed::All(true) => match self.recognised(task) {
                AnswerSpace::Open => AnswerSpace::Closed(Vec::new()),
                closed @ AnswerSpace::Closed(_) => closed,
            },
            Closed::These(answers) => {
                let among = answers.iter().any(|answer| equal(answer, gold));
                if among { AnswerSpace::Closed(answers.clone()) } else { AnswerSpace::Open }
            }
            Closed::Auto => self.recognised(task),
        }
    }

    fn recognised(&self, task: &Task) -> AnswerSpace {
        let is_choice = self.is_choice(task);
        if let Some(options) = options(task, is_choice) {
            return AnswerSpace::Closed(options);
        }
        if let Some(pair) = AnswerSpace::of_pair(&task.problem.answer) {
            return pair;
        }
        match self.by_source.get(&task.problem.id) {
            Some(space) => AnswerSpace::clone(space),
            // Its options are somewhere else.
            None if is_choice => AnswerSpace::Closed(Vec::new()),
            None => AnswerSpace::Open,
        }
    }

    fn is_choice(&self, task: &Task) -> bool {
        let scheme = self.reward.scheme(&task.problem.tags);
        let all = scheme.map(Scheme::all).unwrap_or_default();
        all.iter().any(|verifier| verifier.kind == VerifierKind::Choice)
    }
}

/// The letters of the options that a problem lists, if its right answer is one of them: any problem may
/// list parts of itself.
fn options(task: &Task, is_choice: bool) -> Option<Vec<String>> {
    let letters = letters(&task.problem.text);
    let gold = &task.problem.answer;
    let chosen = is_choice || letters.iter().any(|letter| equal(letter, gold));
    (chosen && !letters.is_empty()).then_some(letters)
}

/// The closed sets of sources: of a part of the data set, and in it of a value of the tag.
fn by_source(reward: &RewardConfig, train: &DataSet) -> HashMap<ProblemId, Arc<AnswerSpace>> {
    let tag = match &reward.verifiers {
        Choice::By { tag, .. } => tag,
        Choice::Always(_) => SOURCE,
    };
    let mut spaces = HashMap::new();
    for part in train.parts() {
        let mut golds: HashMap<Option<String>, (Golds, Vec<ProblemId>)> = HashMap::new();
        for place in part.places.clone() {
            let problem = train.task(place).problem;
            let (golds, ids) = golds.entry(problem.tags.get(tag).cloned()).or_default();
            golds.add(&problem.answer, equal);
            ids.push(problem.id);
        }
        for (golds, ids) in golds.into_values() {
            let space = Arc::new(golds.space());
            if *space != AnswerSpace::Open {
                spaces.extend(ids.into_iter().map(|id| (id, Arc::clone(&space))));
            }
        }
    }
    spaces
}

fn equal(a: &str, b: &str) -> bool {
    a.trim().eq_ignore_ascii_case(b.trim()) || retrial_grader::equivalent(a, b)
}

#[cfg(test)]
mod tests;

//! A problem with a verifiable answer.

use retrial_domain::Problem;
use retrial_grader::{Gold, GoldError};
use retrial_rows::Message;

/// A problem, and what belongs to it.
#[derive(Clone, Debug)]
pub struct Task {
    /// The problem.
    pub problem: Problem,
    /// A right response, if the data set has one.
    pub solution: Option<String>,
    /// The messages before the problem, if the data set has them: a system prompt, examples.
    pub context: Vec<Message>,
}

impl Task {
    /// Its right answer as the grader reads it. The grader may not, where another verifier decides.
    pub fn gold(&self) -> Result<Gold, GoldError> {
        Gold::parse(&self.problem.answer)
    }
}

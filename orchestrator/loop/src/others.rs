//! What the problems of a step tell each other, where a hint lists wrong answers of other problems.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use retrial_domain::ProblemId;
use tokio::sync::Barrier;

/// The wrong answers of a step's problems. What a problem gets does not depend on which was first.
pub struct Others {
    lists: Mutex<BTreeMap<ProblemId, Vec<String>>>,
    all: Barrier,
}

impl Others {
    /// For a step of so many problems.
    pub fn of(problems: usize) -> Self {
        Self { lists: Mutex::default(), all: Barrier::new(problems) }
    }

    /// Gives the wrong answers of a problem, waits until each other problem has given its own, and
    /// returns those, by the order of the problems' names.
    pub async fn exchange(&self, problem: &ProblemId, own: Vec<String>) -> Vec<Vec<String>> {
        let lists = || self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists().insert(problem.clone(), own);
        self.all.wait().await;
        let others = lists();
        others.iter().filter(|(id, _)| *id != problem).map(|(_, list)| list.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn each_problem_gets_the_lists_of_all_others() {
        let others = Others::of(3);
        let give = |name: &str| {
            let (id, own) = (ProblemId(name.to_owned()), vec![format!("of {name}")]);
            let others = &others;
            async move { others.exchange(&id, own).await.concat().join(", ") }
        };
        let got = join_all(["c", "a", "b"].map(give)).await;
        assert_eq!(got, ["of a, of b", "of b, of c", "of a, of c"]);
    }
}

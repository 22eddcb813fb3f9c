//! Evaluates weights on sets of problems, by Pass@1 and the unbiased Pass@k: for a run's
//! own versions, and for `retrial eval` with any model.
//!
//! Each problem enters the log as soon as it is graded, so that an interrupted evaluation
//! continues with the next.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use retrial_data::{DataSet, Task};
use retrial_domain::{GradedRollout, Score, Tally, standard_errors};
use retrial_store::{EvalId, EvalSet, Store};
use sha2::{Digest as _, Sha256};

/// A set of problems.
#[derive(Clone, Debug)]
pub struct Set {
    /// Its entry in the log.
    pub entry: EvalSet,
    /// Its problems.
    pub tasks: Vec<Arc<Task>>,
}

/// Progress of the evaluation of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Finished problems.
    pub problems: usize,
    /// Problems of the set.
    pub of: usize,
}

impl Set {
    /// A loaded set, with k samples per problem.
    pub fn of(set: &DataSet, k: u32) -> Self {
        let report = set.report();
        let files: Vec<&str> = report.files.iter().map(|file| file.file.as_str()).collect();
        Self::new(&report.set, files.join(", "), k, set.tasks().collect())
    }

    /// A set by its name, from `source`, with k samples a problem.
    fn new(name: &str, source: String, k: u32, tasks: Vec<Task>) -> Self {
        let digest = digest(&tasks);
        let entry = EvalSet { benchmark: name.to_owned(), source, digest, k };
        Self { entry, tasks: tasks.into_iter().map(Arc::new).collect() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.entry.benchmark
    }

    /// The problems that the log does not have yet in an evaluation.
    async fn missing(&self, store: &Store, eval: EvalId) -> Result<Vec<&Arc<Task>>> {
        let done = store.done_eval_problems(eval, self.name()).await?;
        Ok(self.tasks.iter().filter(|task| !done.contains(&task.problem.id)).collect())
    }

    /// Whether the log has the samples of all its problems.
    pub async fn is_done(&self, store: &Store, eval: EvalId) -> Result<bool> {
        Ok(self.missing(store, eval).await?.is_empty())
    }
}

/// Enters a set into an evaluation. A set that the log already has must be the same.
pub async fn enter(store: &Store, eval: EvalId, name: &str, set: &Set) -> Result<()> {
    let Set { entry, tasks } = set;
    let known = store.eval_sets(eval).await?;
    let Some(known) = known.iter().find(|known| known.benchmark == entry.benchmark) else {
        let problems: Vec<_> = tasks.iter().map(|task| &task.problem).collect();
        return Ok(store.add_eval_set(eval, entry, &problems).await?);
    };
    let differs = if known.k != entry.k {
        format!("{} samples a problem, not {}", known.k, entry.k)
    } else if known.digest != entry.digest {
        format!("other problems, those of {}", known.source)
    } else {
        return Ok(());
    };
    bail!(
        "the evaluation `{name}` in the log has for `{}` {differs}\n\
         hint: undo the change, or choose another name",
        entry.benchmark
    )
}

/// Samples the problems of a set that the log does not have, `concurrency` at once and as many more while
/// these are judged, and logs each as it is judged. Then logs the scores of the set and returns them.
pub async fn evaluate_set(
    store: &Store,
    eval: EvalId,
    set: &Set,
    concurrency: usize,
    sample: impl AsyncFn(&Arc<Task>) -> Result<Vec<GradedRollout>>,
    mut progress: impl FnMut(Done),
) -> Result<Score> {
    let missing = set.missing(store, eval).await?;
    let of = set.tasks.len();
    let mut problems = of - missing.len();
    progress(Done { problems, of });
    let sample = &sample;
    let mut sampled = stream::iter(missing)
        .map(|task| async move {
            let id = &task.problem.id;
            let graded = sample(task).await;
            let graded =
                graded.with_context(|| format!("evaluating problem {id} of `{}`", set.name()))?;
            store.log_eval_problem(eval, set.name(), id, &graded).await?;
            anyhow::Ok(())
        })
        .buffer_unordered(2 * concurrency);
    while let Some(()) = sampled.try_next().await? {
        problems += 1;
        progress(Done { problems, of });
    }
    let results = store.eval_problems(eval, set.name()).await?;
    let tallies: Vec<Tally> = results.into_iter().filter_map(|problem| problem.tally).collect();
    let score = Score::of(&tallies, set.entry.k);
    let errors = standard_errors(&tallies, set.entry.k);
    store.finish_eval_set(eval, set.name(), &score, errors).await?;
    Ok(score)
}

/// SHA-256 of the problems of a set.
fn digest(tasks: &[Task]) -> String {
    let mut hash = Sha256::new();
    for problem in tasks.iter().map(|task| &task.problem) {
        for text in [&problem.id.0, &problem.text, &problem.answer] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

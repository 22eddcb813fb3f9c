//! The results of an evaluation, from the log.

use anyhow::Result;
use retrial_domain::{Tally, mean};
use retrial_store::{EvalId, EvalProblem, Store};
use serde::Serialize;

use super::bootstrap::{Interval, interval};

/// The name of the mean over sets.
const AVERAGE: &str = "average";

/// The scores of a set, or of their average.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetScore {
    /// The set.
    pub benchmark: String,
    /// Problems with a graded sample.
    pub problems: usize,
    /// Samples per problem; none for the average of sets that differ.
    pub k: Option<u32>,
    /// Mean share of correct samples.
    pub pass_at_1: f64,
    /// The lower end of its 95 % confidence interval over the problems.
    pub pass_at_1_low: f64,
    /// The upper end.
    pub pass_at_1_high: f64,
    /// Mean unbiased Pass@k.
    pub pass_at_k: f64,
    /// The lower end of its interval.
    pub pass_at_k_low: f64,
    /// The upper end.
    pub pass_at_k_high: f64,
    /// Share of samples that reached the limit.
    pub cut_off: f64,
    /// Mean tokens of a sample.
    pub tokens: f64,
}

/// Values of the problems of a set.
struct Values {
    at_1: Vec<f64>,
    at_k: Vec<f64>,
    cut_off: f64,
    tokens: f64,
}

/// The scores of these sets, and their average if there are several: the mean over sets, whatever
/// their size, as in the paper.
pub async fn scores(store: &Store, eval: EvalId, names: &[&str]) -> Result<Vec<SetScore>> {
    let sets = store.eval_sets(eval).await?;
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for &name in names {
        let Some(set) = sets.iter().find(|set| set.benchmark == name) else { continue };
        let values = values(&store.eval_problems(eval, name).await?, set.k);
        rows.push(score(name, Some(set.k), std::slice::from_ref(&values)));
        all.push((set.k, values));
    }
    if rows.len() > 1 {
        let k = Some(all[0].0).filter(|k| all.iter().all(|(other, _)| other == k));
        let values: Vec<Values> = all.into_iter().map(|(_, values)| values).collect();
        rows.push(score(AVERAGE, k, &values));
    }
    Ok(rows)
}

fn values(problems: &[EvalProblem], k: u32) -> Values {
    let graded: Vec<(&EvalProblem, Tally)> = problems
        .iter()
        .filter_map(|problem| Some((problem, problem.tally?)))
        .filter(|(_, tally)| tally.tries > 0)
        .collect();
    let pass = |k| graded.iter().filter_map(|(_, tally)| tally.pass_at(k)).collect();
    let per_sample = |of: fn(&EvalProblem) -> u64| {
        let samples = graded.len() as u64 * u64::from(k);
        graded.iter().map(|(problem, _)| of(problem)).sum::<u64>() as f64 / samples.max(1) as f64
    };
    Values {
        at_1: pass(1),
        at_k: pass(k),
        cut_off: per_sample(|problem| problem.cut_off),
        tokens: per_sample(|problem| problem.tokens),
    }
}

fn score(name: &str, k: Option<u32>, sets: &[Values]) -> SetScore {
    let of = |of: fn(&Values) -> &Vec<f64>| {
        let sets: Vec<Vec<f64>> = sets.iter().map(|values| of(values).clone()).collect();
        let mean = mean(&sets.iter().map(|values| mean(values)).collect::<Vec<_>>());
        (mean, interval(&sets).unwrap_or(Interval { low: mean, high: mean }))
    };
    let over = |of: fn(&Values) -> f64| mean(&sets.iter().map(of).collect::<Vec<_>>());
    let (pass_at_1, at_1) = of(|values| &values.at_1);
    let (pass_at_k, at_k) = of(|values| &values.at_k);
    SetScore {
        benchmark: name.into(),
        problems: sets.iter().map(|values| values.at_1.len()).sum(),
        k,
        pass_at_1,
        pass_at_1_low: at_1.low,
        pass_at_1_high: at_1.high,
        pass_at_k,
        pass_at_k_low: at_k.low,
        pass_at_k_high: at_k.high,
        cut_off: over(|values| values.cut_off),
        tokens: over(|values| values.tokens),
    }
}

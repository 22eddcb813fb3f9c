//! Two evaluations of the same problems, problem by problem.

use anyhow::{Result, bail};
use retrial_config::difference;
use retrial_domain::{Tally, mean};
use retrial_store::{EvalId, LoggedEval, Store};
use serde::Serialize;

use super::bootstrap::{Interval, interval};

/// The comparison on one set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The set, or `average`.
    pub benchmark: String,
    /// Problems with results of both.
    pub problems: usize,
    /// Problems that the candidate solves more often than the baseline.
    pub won: usize,
    /// Less often.
    pub lost: usize,
    /// As often.
    pub same: usize,
    /// Pass@1 of the baseline.
    pub before: f64,
    /// Pass@1 of the candidate.
    pub after: f64,
    /// The difference: candidate - baseline.
    pub difference: f64,
    /// The lower end of its 95 % confidence interval, over paired problems.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A problem that the two solve a different number of times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The set.
    pub benchmark: String,
    /// The problem.
    pub problem: String,
    /// `won` or `lost`.
    pub outcome: &'static str,
    /// Correct samples of the baseline, as `1/4`.
    pub before: String,
    /// Correct samples of the candidate.
    pub after: String,
    /// The problem's text.
    pub text: String,
}

/// Compares two evaluations of the log on the sets that both have. Also returns the differences in
/// their sampling settings.
pub async fn compare(
    store: &Store,
    names: [&str; 2],
) -> Result<(Vec<Comparison>, Vec<Change>, Option<String>)> {
    let (first, second) = (find(store, names[0]).await?, find(store, names[1]).await?);
    let sets = [store.eval_sets(first.id).await?, store.eval_sets(second.id).await?];
    let (mut rows, mut changes, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for set in &sets[0] {
        let Some(other) = sets[1].iter().find(|other| other.benchmark == set.benchmark) else {
            continue;
        };
        if set.digest != other.digest {
            bail!(
                "the two evaluations have different problems in `{}`: {} and {}\n\
                 hint: evaluate both on the same file",
                set.benchmark,
                set.source,
                other.source
            );
        }
        let pairs = pairs(store, first.id, second.id, &set.benchmark, &mut changes).await?;
        rows.push(row(&set.benchmark, std::slice::from_ref(&pairs)));
        all.push(pairs);
    }
    if rows.is_empty() {
        bail!(
            "`{}` and `{}` have no set in common\nhint: evaluate both on the same benchmarks",
            names[0],
            names[1]
        );
    }
    if rows.len() > 1 {
        rows.push(row("average", &all));
    }
    let differs = difference(&first.settings, &second.settings);
    Ok((rows, changes, Some(differs).filter(|differs| !differs.is_empty())))
}

async fn find(store: &Store, name: &str) -> Result<LoggedEval> {
    if let Some(found) = store.eval_by_name(name).await? {
        return Ok(found);
    }
    let known = store.eval_names().await?;
    let hint = if known.is_empty() { "it has none yet".into() } else { known.join(", ") };
    bail!("the log has no evaluation `{name}`\nhint: its evaluations are: {hint}")
}

/// Pass@1 of the problems with results of both; those that differ are added to `changes`.
async fn pairs(
    store: &Store,
    first: EvalId,
    second: EvalId,
    benchmark: &str,
    changes: &mut Vec<Change>,
) -> Result<Vec<(f64, f64)>> {
    let mut pairs = Vec::new();
    // Equal digests: the same problems in the same order.
    let before = store.eval_problems(first, benchmark).await?;
    let after = store.eval_problems(second, benchmark).await?;
    for (a, b) in before.into_iter().zip(after) {
        let (Some(old), Some(new)) = (a.tally, b.tally) else { continue };
        let (Some(x), Some(y)) = (old.pass_at(1), new.pass_at(1)) else { continue };
        // By counts, to avoid rounding.
        let (left, right) = (old.correct * new.tries, new.correct * old.tries);
        if left == right {
            pairs.push((x, x));
        } else {
            let shown = |tally: Tally| format!("{}/{}", tally.correct, tally.tries);
            changes.push(Change {
                benchmark: benchmark.into(),
                problem: a.id.0,
                outcome: if right > left { "won" } else { "lost" },
                before: shown(old),
                after: shown(new),
                text: a.text,
            });
            pairs.push((x, y));
        }
    }
    Ok(pairs)
}

fn row(benchmark: &str, sets: &[Vec<(f64, f64)>]) -> Comparison {
    let over = |of: fn(&(f64, f64)) -> f64| -> Vec<Vec<f64>> {
        sets.iter().map(|pairs| pairs.iter().map(of).collect()).collect()
    };
    let average =
        |sets: Vec<Vec<f64>>| mean(&sets.iter().map(|values| mean(values)).collect::<Vec<_>>());
    let (before, after) = (average(over(|pair| pair.0)), average(over(|pair| pair.1)));
    let differences = over(|(before, after)| after - before);
    let difference = after - before;
    let Interval { low, high } =
        interval(&differences).unwrap_or(Interval { low: difference, high: difference });
    let count = |test: fn(f64) -> bool| differences.iter().flatten().filter(|&&x| test(x)).count();
    Comparison {
        benchmark: benchmark.into(),
        problems: differences.iter().map(Vec::len).sum(),
        won: count(|x| x > 0.0),
        lost: count(|x| x < 0.0),
        same: count(|x| x == 0.0),
        before,
        after,
        difference,
        low,
        high,
    }
}

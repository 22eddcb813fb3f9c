//! The report of a study, Markdown.

use std::fmt::Write as _;

use super::{Estimate, Outcome, Study};
use crate::evaluate::Score;

/// Tables of everything that the outcomes say.
pub fn report(study: &Study, outcomes: &[Outcome]) -> String {
    let mut text = format!("# Study `{}`\n\n{}\n", study.name, conditions(study));
    let splits = outcomes.first().map_or(&[][..], |outcome| &outcome.curves);
    for (split, _) in splits {
        let _ = write!(text, "\n## Held-out `{split}`\n\n{}", at_the_end(study, outcomes, split));
        if study.reference.is_some() {
            let _ = write!(text, "\n{}", differences(study, outcomes, split));
        }
        let _ = write!(text, "\n{}", over_time(study, outcomes, split));
    }
    let _ = write!(text, "\n## What it took\n\n{}", costs(study, outcomes));
    text
}

fn conditions(study: &Study) -> String {
    let seeds: Vec<String> = study.seeds.iter().map(u64::to_string).collect();
    let budget = match &study.reference {
        Some(arm) => format!(
            "every arm samples as many response tokens as `{arm}` with the same seed, second trials \
             included"
        ),
        None => "every arm takes the same number of steps".to_owned(),
    };
    let mut text = format!(
        "Configuration `{}`; seeds {}; {budget}. Means over the seeds with 95 % intervals \
         (Student's t).\n\n",
        study.config.display(),
        seeds.join(", ")
    );
    for arm in &study.arms {
        let _ = writeln!(text, "- `{}`: {}", arm.name, arm.set.join(", "));
    }
    text
}

/// The outcomes of an arm, in the order of the seeds.
fn of_arm<'a>(outcomes: &'a [Outcome], arm: &str) -> Vec<&'a Outcome> {
    outcomes.iter().filter(|outcome| outcome.arm == arm).collect()
}

fn scores<'a>(outcome: &'a Outcome, split: &str) -> &'a [(u64, Score)] {
    let curve = outcome.curves.iter().find(|(name, _)| name == split);
    curve.map_or(&[], |(_, scores)| scores)
}

fn last(outcome: &Outcome, split: &str) -> Option<Score> {
    scores(outcome, split).last().map(|&(_, score)| score)
}

type Measure = fn(&Score) -> f64;

/// Pass@1 and Pass@k with their headings.
fn measures(outcomes: &[Outcome], split: &str) -> [(String, Measure); 2] {
    let k = outcomes.iter().find_map(|outcome| last(outcome, split)).map_or(0, |score| score.k);
    [("Pass@1".into(), |score| score.pass_at_1), (format!("Pass@{k}"), |score| score.pass_at_k)]
}

fn estimate(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<f64> = values.collect();
    Estimate::of(&values).map_or_else(|| "-".into(), |estimate| estimate.to_string())
}

fn at_the_end(study: &Study, outcomes: &[Outcome], split: &str) -> String {
    let measures = measures(outcomes, split);
    let mut text = format!("| arm | {} | {} |\n|---|---|---|\n", measures[0].0, measures[1].0);
    for arm in &study.arms {
        let _ = write!(text, "| `{}` |", arm.name);
        for (_, measure) in &measures {
            let of_arm = of_arm(outcomes, &arm.name);
            let values = of_arm.iter().filter_map(|outcome| last(outcome, split));
            let _ = write!(text, " {} |", estimate(values.map(|score| measure(&score))));
        }
        text.push('\n');
    }
    text
}

/// The reference less each other arm, seed by seed.
fn differences(study: &Study, outcomes: &[Outcome], split: &str) -> String {
    let reference = study.reference.as_deref().unwrap_or_default();
    let measures = measures(outcomes, split);
    let mut text =
        format!("| `{reference}` less | {} | {} |\n|---|---|---|\n", measures[0].0, measures[1].0);
    for arm in study.arms.iter().filter(|arm| arm.name != reference) {
        let _ = write!(text, "| `{}` |", arm.name);
        for (_, measure) in &measures {
            let pairs = of_arm(outcomes, reference).into_iter().filter_map(|ours| {
                let theirs = outcomes.iter().find(|o| o.arm == arm.name && o.seed == ours.seed)?;
                Some(measure(&last(ours, split)?) - measure(&last(theirs, split)?))
            });
            let found = Estimate::of(&pairs.collect::<Vec<_>>());
            let shown = found.map_or_else(
                || "-".to_owned(),
                |found| {
                    let sure = if found.excludes_zero() { "" } else { " (zero is in it)" };
                    format!("{found:+}{sure}")
                },
            );
            let _ = write!(text, " {shown} |");
        }
        text.push('\n');
    }
    text
}

/// Mean Pass@1 at each version that all seeds of an arm were evaluated at.
fn over_time(study: &Study, outcomes: &[Outcome], split: &str) -> String {
    let mut text = "| arm | Pass@1 by step |\n|---|---|\n".to_owned();
    for arm in &study.arms {
        let runs = of_arm(outcomes, &arm.name);
        let Some(first) = runs.first() else { continue };
        let at = |outcome: &Outcome, version: u64| {
            scores(outcome, split).iter().find(|point| point.0 == version).map(|point| point.1)
        };
        let mean = |version: u64| {
            let values: Option<Vec<f64>> =
                runs.iter().map(|run| at(run, version).map(|score| score.pass_at_1)).collect();
            values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
        };
        let points: Vec<String> = scores(first, split)
            .iter()
            .filter_map(|&(version, _)| Some(format!("{version}: {:.3}", mean(version)?)))
            .collect();
        let _ = writeln!(text, "| `{}` | {} |", arm.name, points.join(", "));
    }
    text
}

fn costs(study: &Study, outcomes: &[Outcome]) -> String {
    let mut text = "| arm | steps | sampled tokens | none-pass groups | rescued | problems never \
                    solved |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for arm in &study.arms {
        let runs = of_arm(outcomes, &arm.name);
        let mean = |measure: fn(&Outcome) -> f64| {
            runs.iter().map(|run| measure(run)).sum::<f64>() / runs.len().max(1) as f64
        };
        let _ = writeln!(
            text,
            "| `{}` | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} |",
            arm.name,
            mean(|run| run.steps as f64),
            mean(|run| run.tokens),
            mean(|run| run.none_pass),
            mean(|run| run.rescued),
            mean(|run| run.unsolved as f64),
        );
    }
    text
}

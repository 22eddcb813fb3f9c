//! The report of a study, as a document.

use retrial_domain::Score;
use retrial_protocol::Metric;
use retrial_report::{Document, Gaps, Over, Panel, Part, Range, Series, Shape, Table};
use retrial_store::Total;

use super::{Estimate, Outcome, Study};

/// Curves besides the scores: the name in [`Outcome::series`], the title, the
/// formula.
const CURVES: [(&str, &str, &str); 9] = [
    (
        Total::Unsolved.name(),
        "Problems never solved",
        "Problems seen so far that no rollout has solved.",
    ),
    (
        Metric::NonePass.name(),
        "None-pass groups",
        "Groups of the first trial without a correct rollout.",
    ),
    (
        Metric::SomePass.name(),
        "Some-pass groups",
        "Groups of the first trial with correct and wrong rollouts.",
    ),
    (
        Metric::AllPass.name(),
        "All-pass groups",
        "Groups of the first trial with correct rollouts only.",
    ),
    (
        Metric::RescuedProblems.name(),
        "Rescued",
        "None-pass groups with a correct rollout in the second trial.",
    ),
    (
        Total::Graduated.name(),
        "Graduated",
        "Problems rescued once and solved without a hint later.",
    ),
    (
        Metric::FirstTrialPassRate.name(),
        "Training reward",
        "Correct rollouts of the first trial, a share.",
    ),
    (
        Metric::Entropy.name(),
        "Entropy",
        "Of the policy over its responses, from their log-probs, nats a token.",
    ),
    (
        Metric::FirstTrialResponseTokens.name(),
        "Response length",
        "Mean of the first trial, tokens.",
    ),
];

/// Tables and plots of the results.
pub fn report(study: &Study, outcomes: &[Outcome]) -> Document {
    let mut parts = vec![Part::Text(conditions(study))];
    let settings = |variant: &super::Variant| vec![variant.name.clone(), variant.set.join(", ")];
    let header = |name: &str| vec![name.to_owned(), "settings".to_owned()];
    let arms = study.arms.iter().map(settings).collect();
    parts.push(Part::Table(Table { header: header("arm"), rows: arms }));
    if study.worlds.is_empty() {
        parts.extend(one_world(study, outcomes));
    } else {
        let worlds = study.worlds.iter().map(settings).collect();
        parts.push(Part::Table(Table { header: header("world"), rows: worlds }));
        parts.extend(map(study, outcomes));
    }
    Document { title: format!("Study {}", study.name), parts }
}

fn conditions(study: &Study) -> String {
    let seeds: Vec<String> = study.seeds.iter().map(u64::to_string).collect();
    let budget = match &study.reference {
        Some(arm) => format!(
            "every arm samples as many response tokens as {arm} with the same seed, second trials \
             included"
        ),
        None => "every arm takes the same number of steps".to_owned(),
    };
    format!(
        "Configuration {}; seeds {}; {budget}. Means over the seeds with 95 % intervals (Student's \
         t).",
        study.config.display(),
        seeds.join(", ")
    )
}

/// The results of one world.
fn one_world(study: &Study, outcomes: &[Outcome]) -> Vec<Part> {
    let mut parts = Vec::new();
    for split in splits(outcomes) {
        parts.push(Part::Heading(format!("Held-out {split}")));
        parts.push(Part::Table(at_the_end(study, outcomes, &split)));
        if study.reference.is_some() {
            parts.push(Part::Table(differences(study, outcomes, &split)));
        }
        parts.extend(scores_plots(study, outcomes, &split));
    }
    parts.push(Part::Heading("Over the steps".into()));
    for (name, title, formula) in CURVES {
        let of_run = |outcome: &Outcome| {
            let points = outcome.series.get(name).into_iter().flatten();
            points.map(|&(step, value)| (step.0, value)).collect()
        };
        let panel = panel(study, outcomes, (name, title, formula), Over::Step, of_run);
        parts.push(Part::Plot(Box::new(panel)));
    }
    parts.push(Part::Heading("What it took, and what the second trials did".into()));
    parts.push(Part::Table(costs(study, outcomes)));
    parts
}

/// The final results of the arms, world by world.
fn map(study: &Study, outcomes: &[Outcome]) -> Vec<Part> {
    let mut parts = Vec::new();
    for split in splits(outcomes) {
        for (title, measure) in measures(outcomes, &split) {
            parts.push(Part::Heading(format!("Held-out {split}, {title}")));
            let mut header = vec!["world".to_owned()];
            header.extend(study.arms.iter().map(|arm| arm.name.clone()));
            let reference = study.reference.as_deref();
            let others = || study.arms.iter().filter(|arm| reference != Some(&*arm.name));
            if let Some(reference) = reference {
                header.extend(others().map(|arm| format!("{reference} - {}", arm.name)));
            }
            let row = |world: &super::Variant| {
                let here = in_world(outcomes, &world.name);
                let mut row = vec![world.name.clone()];
                row.extend(study.arms.iter().map(|arm| {
                    estimate(ends(&here, &arm.name, &split).map(|(_, score)| measure(&score)))
                }));
                if let Some(reference) = reference {
                    row.extend(
                        others()
                            .map(|arm| difference(&here, (reference, &arm.name), &split, measure)),
                    );
                }
                row
            };
            let rows = study.worlds.iter().map(row).collect();
            parts.push(Part::Table(Table { header, rows }));
        }
    }
    parts.push(Part::Heading("What it took, and what the second trials did".into()));
    let mut all = Table::default();
    for world in &study.worlds {
        let here: Vec<Outcome> = in_world(outcomes, &world.name);
        let of_world = costs(study, &here);
        all.header = [vec!["world".to_owned()], of_world.header].concat();
        let named = |row| [vec![world.name.clone()], row].concat();
        all.rows.extend(of_world.rows.into_iter().map(named));
    }
    parts.push(Part::Table(all));
    parts
}

fn in_world(outcomes: &[Outcome], world: &str) -> Vec<Outcome> {
    let here = |outcome: &&Outcome| outcome.world.as_deref() == Some(world);
    outcomes.iter().filter(here).cloned().collect()
}

fn splits(outcomes: &[Outcome]) -> Vec<String> {
    let first = outcomes.first().map_or(&[][..], |outcome| &outcome.curves);
    first.iter().map(|(split, _)| split.clone()).collect()
}

/// The outcomes of an arm, in the order of the seeds.
fn of_arm<'a>(outcomes: &'a [Outcome], arm: &str) -> Vec<&'a Outcome> {
    outcomes.iter().filter(|outcome| outcome.arm == arm).collect()
}

fn scores<'a>(outcome: &'a Outcome, split: &str) -> &'a [(u64, Score)] {
    let curve = outcome.curves.iter().find(|(name, _)| name == split);
    curve.map_or(&[], |(_, scores)| scores)
}

/// The last scores of an arm, with their seeds.
fn ends<'a>(
    outcomes: &'a [Outcome],
    arm: &'a str,
    split: &'a str,
) -> impl Iterator<Item = (u64, Score)> + 'a {
    let of_arm = outcomes.iter().filter(move |outcome| outcome.arm == arm);
    of_arm.filter_map(move |outcome| Some((outcome.seed, scores(outcome, split).last()?.1)))
}

type Measure = fn(&Score) -> f64;

/// Pass@1 and Pass@k with their headings.
fn measures(outcomes: &[Outcome], split: &str) -> [(String, Measure); 2] {
    let first = outcomes.iter().find_map(|outcome| scores(outcome, split).last());
    let k = first.map_or(0, |(_, score)| score.k);
    [("Pass@1".into(), |score| score.pass_at_1), (format!("Pass@{k}"), |score| score.pass_at_k)]
}

fn estimate(values: impl Iterator<Item = f64>) -> String {
    let values: Vec<f64> = values.collect();
    Estimate::of(&values).map_or_else(|| "-".into(), |estimate| estimate.to_string())
}

fn at_the_end(study: &Study, outcomes: &[Outcome], split: &str) -> Table {
    let measures = measures(outcomes, split);
    let header = ["arm", &measures[0].0, &measures[1].0].map(str::to_owned).to_vec();
    let row = |arm: &super::Variant| {
        let values = measures.iter().map(|(_, measure)| {
            estimate(ends(outcomes, &arm.name, split).map(|(_, score)| measure(&score)))
        });
        std::iter::once(arm.name.clone()).chain(values).collect()
    };
    Table { header, rows: study.arms.iter().map(row).collect() }
}

/// The differences between the reference and each other arm.
fn differences(study: &Study, outcomes: &[Outcome], split: &str) -> Table {
    let reference = study.reference.as_deref().unwrap_or_default();
    let measures = measures(outcomes, split);
    let minus = format!("{reference} -");
    let header = [&minus, &measures[0].0, &measures[1].0].map(String::clone).to_vec();
    let row = |arm: &super::Variant| {
        let values = measures
            .iter()
            .map(|&(_, measure)| difference(outcomes, (reference, &arm.name), split, measure));
        std::iter::once(arm.name.clone()).chain(values).collect()
    };
    let others = study.arms.iter().filter(|arm| arm.name != reference);
    Table { header, rows: others.map(row).collect() }
}

/// The difference of two arms, paired by seed.
fn difference(
    outcomes: &[Outcome],
    (one, other): (&str, &str),
    split: &str,
    measure: Measure,
) -> String {
    let pairs = ends(outcomes, one, split).filter_map(|(seed, ours)| {
        let (_, theirs) = ends(outcomes, other, split).find(|&(of, _)| of == seed)?;
        Some(measure(&ours) - measure(&theirs))
    });
    Estimate::of(&pairs.collect::<Vec<_>>()).map_or_else(
        || "-".to_owned(),
        |found| {
            let sure = if found.excludes_zero() { "" } else { " (not significant)" };
            format!("{found:+}{sure}")
        },
    )
}

fn scores_plots(study: &Study, outcomes: &[Outcome], split: &str) -> Vec<Part> {
    let plot = |(title, measure): (String, Measure)| {
        let id = format!("{split}-{title}");
        let formula = format!("{title} on the held-out set {split}; mean over the seeds.");
        let of_run = |outcome: &Outcome| {
            let points = scores(outcome, split).iter();
            points.map(|(version, score)| (*version, measure(score))).collect()
        };
        let title = format!("{split}: {title}");
        let mut panel =
            panel(study, outcomes, (&id, &title, &formula), Over::WeightVersion, of_run);
        panel.range = Range::Share;
        Part::Plot(Box::new(panel))
    };
    measures(outcomes, split).map(plot).into()
}

/// A line for each arm: its mean over the seeds with the interval, if every seed has a value.
fn panel(
    study: &Study,
    outcomes: &[Outcome],
    (id, title, formula): (&str, &str, &str),
    over: Over,
    of_run: impl Fn(&Outcome) -> Vec<(u64, f64)>,
) -> Panel {
    let curves: Vec<(&str, Vec<(u64, f64)>)> =
        outcomes.iter().map(|outcome| (&*outcome.arm, of_run(outcome))).collect();
    let mut x: Vec<u64> =
        curves.iter().flat_map(|(_, points)| points.iter().map(|&(at, _)| at)).collect();
    x.sort_unstable();
    x.dedup();
    let series = study.arms.iter().map(|arm| {
        let runs = || curves.iter().filter(|(of, _)| *of == arm.name);
        let estimates: Vec<Option<Estimate>> = x
            .iter()
            .map(|&at| {
                let value = |points: &[(u64, f64)]| {
                    points.iter().find(|&&(place, _)| place == at).map(|&(_, value)| value)
                };
                let values: Option<Vec<f64>> = runs().map(|(_, points)| value(points)).collect();
                values.and_then(|values| Estimate::of(&values))
            })
            .collect();
        let end = |sign: f64| -> Vec<Option<f64>> {
            let end = |found: Estimate| found.mean + sign * found.half.unwrap_or(0.0);
            estimates.iter().map(|found| found.map(end)).collect()
        };
        let (values, low, high) = (end(0.0), Some(end(-1.0)), Some(end(1.0)));
        Series { low, high, ..Series::new(&arm.name, values) }
    });
    let series: Vec<Series> = series.collect();
    let nothing = series.iter().all(|series| series.values.iter().all(Option::is_none));
    Panel {
        id: id.into(),
        title: title.into(),
        formula: formula.into(),
        over,
        shape: Shape::Lines,
        gaps: Gaps::Joined,
        range: Range::Zero,
        x,
        series,
        figures: Vec::new(),
        empty: nothing.then_some("No arm has it."),
    }
}

/// Means over the seeds of sampled tokens, and of the results of second trials.
fn costs(study: &Study, outcomes: &[Outcome]) -> Table {
    let header = [
        "arm",
        "steps",
        "sampled tokens",
        "none-pass groups",
        "rescued",
        "graduated",
        "never solved",
        "second trials: correct",
        "repeat a mistake",
        "median rho",
    ];
    let row = |arm: &super::Variant| {
        let runs = of_arm(outcomes, &arm.name);
        let mean = |measure: &dyn Fn(&Outcome) -> Option<f64>, places: usize| {
            let values: Vec<f64> = runs.iter().filter_map(|run| measure(run)).collect();
            let sum: f64 = values.iter().sum();
            if values.is_empty() {
                return "-".to_owned();
            }
            format!("{:.places$}", sum / values.len() as f64)
        };
        let last = |name: &'static str| {
            move |run: &Outcome| run.series.get(name)?.last().map(|&(_, value)| value)
        };
        vec![
            arm.name.clone(),
            mean(&|run| Some(run.steps as f64), 0),
            mean(&|run| Some(run.tokens), 0),
            mean(&|run| Some(total(run, Metric::NonePass)), 1),
            mean(&|run| Some(total(run, Metric::RescuedProblems)), 1),
            mean(&last(Total::Graduated.name()), 1),
            mean(&last(Total::Unsolved.name()), 1),
            mean(&|run| weighted(run, Metric::SecondTrialPassRate), 3),
            mean(&|run| weighted(run, Metric::RepeatedMistakeRate), 3),
            mean(&|run| weighted_by(run, Metric::RhoP50, Metric::HintedTokens), 4),
        ]
    };
    let rows = study.arms.iter().map(row).collect();
    Table { header: header.map(str::to_owned).to_vec(), rows }
}

fn total(run: &Outcome, metric: Metric) -> f64 {
    run.series.get(metric.name()).into_iter().flatten().map(|&(_, value)| value).sum()
}

/// The mean of a share of the second trial's rollouts over the steps.
fn weighted(run: &Outcome, metric: Metric) -> Option<f64> {
    weighted_by(run, metric, Metric::SecondTrialRollouts)
}

fn weighted_by(run: &Outcome, metric: Metric, weight: Metric) -> Option<f64> {
    let weights = run.series.get(weight.name())?;
    let of_step = |step| weights.iter().find(|&&(of, _)| of == step).map(|&(_, weight)| weight);
    let mut sums = (0.0, 0.0);
    for &(step, value) in run.series.get(metric.name())? {
        let weight = of_step(step).unwrap_or(0.0);
        sums = (sums.0 + weight * value, sums.1 + weight);
    }
    (sums.1 > 0.0).then_some(sums.0 / sums.1)
}

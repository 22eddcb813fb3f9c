//! What the second trial is for: groups that all fail, rescues, and what becomes of them.

use retrial_protocol::{Metric, PanelKey};
use retrial_store::RunData;

use crate::panel::{Panel, Range};
use crate::series::ratio;

/// Kinds of second trials: given, and rescued by them.
const KINDS: [(&str, Metric, Metric); 4] = [
    ("hint", Metric::HintedHint, Metric::RescuedHint),
    ("concise + hint", Metric::HintedConciseHint, Metric::RescuedConciseHint),
    ("concise", Metric::HintedConcise, Metric::RescuedConcise),
    ("no hint", Metric::HintedPlain, Metric::RescuedPlain),
];

/// How groups ended.
pub fn outcomes(data: &RunData) -> Panel {
    let formula = "Groups of a step by their first trial: no rollout correct (a second trial \
                   follows), some (an ordinary group), all (nothing to learn).";
    Panel::over_steps(data, PanelKey::Outcomes.as_str(), "Groups: none, some, all pass", formula)
        .stacked()
        .series("none pass", data.metric(Metric::NonePass))
        .series("some pass", data.metric(Metric::SomePass))
        .series("all pass", data.metric(Metric::AllPass))
        .or_empty("No step has its groups yet.")
}

/// How many of the second trials rescue.
pub fn rescues(data: &RunData) -> Panel {
    let sum = |metric| data.metric(metric).iter().flatten().sum::<f64>();
    let (hinted, rescued) = (sum(Metric::HintedProblems), sum(Metric::RescuedProblems));
    let panel = Panel::over_steps(
        data,
        PanelKey::Rescues.as_str(),
        "Rescue rate",
        "Problems with at least one correct extra rollout, as a share of those that got a second \
         trial, by kind of prompt. n counts over all steps.",
    )
    .range(Range::Share);
    rates(panel, data, KINDS)
        .figure("second trials", (hinted > 0.0).then_some(hinted))
        .figure("rescued", (hinted > 0.0).then_some(rescued))
        .or_empty("No group has failed altogether yet, so there was no second trial.")
}

/// How many answers the problems of second trials can have: given, and rescued.
const SPACES: [(&str, Metric, Metric); 4] = [
    ("2 answers", Metric::HintedOf2, Metric::RescuedOf2),
    ("3 to 5 answers", Metric::HintedOf3To5, Metric::RescuedOf3To5),
    ("6 answers or more", Metric::HintedOf6Up, Metric::RescuedOf6Up),
    ("not known", Metric::HintedOfOpen, Metric::RescuedOfOpen),
];

/// Whether rescues are guesses.
pub fn answer_space(data: &RunData) -> Panel {
    let formula = "Problems with at least one correct extra rollout, as a share of those that got a \
                   second trial, by how many answers are possible. Where these are few, guessing \
                   rescues too; a hint never leaves fewer than [hint] min_possibilities. n counts \
                   over all steps.";
    let (id, title) = (PanelKey::AnswerSpace.as_str(), "Rescue rate by possible answers");
    rates(Panel::over_steps(data, id, title, formula).range(Range::Share), data, SPACES)
        .or_empty("No second trial was of a problem whose possible answers are few and known.")
}

/// With the share that is rescued of each group of second trials that there is.
fn rates(mut panel: Panel, data: &RunData, groups: [(&str, Metric, Metric); 4]) -> Panel {
    for (word, given, rescued) in groups {
        let (given, rescued) = (data.metric(given), data.metric(rescued));
        let n: f64 = given.iter().flatten().sum();
        if n > 0.0 {
            panel = panel.series(&format!("{word} (n {n})"), ratio(&rescued, &given));
        }
    }
    panel
}

/// Rescued problems that need no hint any more.
pub fn graduations(data: &RunData) -> Panel {
    let found = &data.graduations;
    let count = |at: &dyn Fn(usize) -> Option<u64>| -> Vec<Option<f64>> {
        let steps = data.steps.iter();
        steps
            .map(|times| {
                let reached = (0..found.len()).filter(|&i| at(i).is_some_and(|s| s <= times.step));
                Some(reached.map(|i| found[i].problems as f64).sum())
            })
            .collect()
    };
    let formula = "Cumulative: problems that a second trial rescued; those of them that came again \
                   later; those of them that then had a correct rollout without a hint.";
    let panel = Panel::over_steps(data, "graduations", "Graduation", formula);
    if found.is_empty() {
        return panel.or_empty("No problem has been rescued yet.");
    }
    panel
        .series("rescued", count(&|i| Some(found[i].rescued)))
        .series("came again", count(&|i| found[i].again))
        .series("solved unaided", count(&|i| found[i].graduated))
        .or_empty("No problem has been rescued yet.")
}

/// What was tried, and what was ever solved.
pub fn coverage(data: &RunData) -> Panel {
    let count = |solved: bool| -> Vec<Option<f64>> {
        let steps = data.steps.iter();
        steps
            .map(|times| {
                let reached = data.coverage.iter().filter(|found| {
                    let at = if solved { found.solved } else { Some(found.tried) };
                    at.is_some_and(|at| at <= times.step)
                });
                Some(reached.map(|found| found.problems as f64).sum())
            })
            .collect()
    };
    let (tried, solved) = (count(false), count(true));
    let unsolved =
        tried.iter().zip(&solved).map(|(tried, solved)| Some((*tried)? - (*solved)?)).collect();
    let formula = "Cumulative: distinct problems that were tried, and those that any response has \
                   solved, hints included. Unsolved: the difference. Where it stops to fall, \
                   exploration stagnates.";
    Panel::over_steps(data, "coverage", "Coverage and unsolved problems", formula)
        .series("unsolved", unsolved)
        .series("solved ever", solved)
        .series("tried", tried)
        .figure("of all problems", Some(data.train_problems as f64).filter(|&n| n > 0.0))
        .or_empty("No step has its groups yet.")
}

/// Whether warnings are heeded.
pub fn repeats(data: &RunData) -> Panel {
    let formula = "Share of the hinted responses whose answer is on the list of wrong answers that \
                   their own hint gave.";
    Panel::over_steps(data, PanelKey::Repeats.as_str(), "Repeated mistakes", formula)
        .range(Range::Share)
        .series("on the list", data.metric(Metric::RepeatedMistakeRate))
        .or_empty("No hint has listed an answer yet.")
}

/// How refined groups ended.
pub fn refined(data: &RunData) -> Panel {
    let formula = "Groups of a step after the second trial: correct extra rollouts have taken the \
                   places of failures.";
    Panel::over_steps(data, PanelKey::Refined.as_str(), "Refined groups", formula)
        .stacked()
        .series("none pass", data.metric(Metric::NonePassAfter))
        .series("some pass", data.metric(Metric::SomePassAfter))
        .series("all pass", data.metric(Metric::AllPassAfter))
        .or_empty("No step has its groups yet.")
}

/// How the second trial itself went.
pub fn second_trial(data: &RunData) -> Panel {
    let rollouts: f64 = data.metric(Metric::SecondTrialRollouts).iter().flatten().sum();
    let formula = "Shares of the extra rollouts: correct; cut at the response limit.";
    Panel::over_steps(data, PanelKey::SecondTrial.as_str(), "Second trial", formula)
        .range(Range::Share)
        .series("correct", data.metric(Metric::SecondTrialPassRate))
        .series("cut off", data.metric(Metric::SecondTrialTruncationRate))
        .figure("extra rollouts", (rollouts > 0.0).then_some(rollouts))
        .or_empty("No group has failed altogether yet, so there was no second trial.")
}

/// How much of a rescued group is replaced.
pub fn replacements(data: &RunData) -> Panel {
    let formula = "Failures that correct extra rollouts replaced, mean over the rescued groups.";
    Panel::over_steps(data, PanelKey::Replacements.as_str(), "Replacements", formula)
        .series("of a group", data.metric(Metric::MeanReplacements))
        .or_empty("No group has been rescued yet.")
}

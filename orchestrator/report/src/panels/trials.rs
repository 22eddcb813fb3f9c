//! What the second trial is for: groups that all fail, rescues, and what becomes of them.

use crate::panel::{Panel, Range};
use crate::series::ratio;
use retrial_store::RunData;

const KINDS: [(&str, &str); 4] = [
    ("hint", "hint"),
    ("concise + hint", "concise_hint"),
    ("concise", "concise"),
    ("no hint", "plain"),
];

/// How groups ended.
pub fn outcomes(data: &RunData) -> Panel {
    let formula = "Groups of a step by their first trial: no rollout correct (a second trial \
                   follows), some (an ordinary group), all (nothing to learn).";
    Panel::over_steps(data, "outcomes", "Groups: none, some, all pass", formula)
        .stacked()
        .series("none pass", data.metric("none_pass"))
        .series("some pass", data.metric("some_pass"))
        .series("all pass", data.metric("all_pass"))
        .or_empty("No step has its groups yet.")
}

/// How many of the second trials rescue.
pub fn rescues(data: &RunData) -> Panel {
    let sum = |name: &str| data.metric(name).iter().flatten().sum::<f64>();
    let (hinted, rescued) = (sum("hinted_problems"), sum("rescued_problems"));
    let mut panel = Panel::over_steps(
        data,
        "rescues",
        "Rescue rate",
        "Problems with at least one correct extra rollout, as a share of those that got a second \
         trial, by kind of prompt. n counts over all steps.",
    )
    .range(Range::Share);
    for (word, name) in KINDS {
        let given = data.metric(&format!("hinted_problems_{name}"));
        let rescued = data.metric(&format!("rescued_problems_{name}"));
        let n: f64 = given.iter().flatten().sum();
        if n > 0.0 {
            panel = panel.series(&format!("{word} (n {n})"), ratio(&rescued, &given));
        }
    }
    panel
        .figure("second trials", (hinted > 0.0).then_some(hinted))
        .figure("rescued", (hinted > 0.0).then_some(rescued))
        .or_empty("No group has failed altogether yet, so there was no second trial.")
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
    Panel::over_steps(data, "repeats", "Repeated mistakes", formula)
        .range(Range::Share)
        .series("on the list", data.metric("repeated_mistake_rate"))
        .or_empty("No hint has listed an answer yet.")
}

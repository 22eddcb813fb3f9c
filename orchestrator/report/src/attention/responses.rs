//! Responses that teach nothing: cut, without an answer, all equally good.

use retrial_protocol::{Metric, PanelKey};

use super::entry::{Attention, Facts, Severity, Trouble};
use super::recent::{last, least};
use crate::format::share;
use crate::link;

/// From this share of the responses on it is nearly all of them: a healthy run that has to learn to be
/// brief begins at a third.
const NEARLY_ALL: f64 = 0.9;

/// Every response is cut.
pub fn all_cut(facts: &Facts<'_>) -> Option<Attention> {
    let cut = least(&last(facts.data, Metric::FirstTrialTruncationRate)?);
    (cut >= NEARLY_ALL).then(|| Attention {
        kind: Trouble::AllCut,
        severity: Severity::Wasted,
        reason: format!(
            "In the last steps {} of the responses were cut at max_tokens.",
            share(cut)
        ),
        value: cut,
        unit: "of the responses",
        advice:
            "Set [rollout] max_tokens higher, or look whether the model's end token is one that \
                 its chat template writes."
                .into(),
        page: link::panel(facts.run, PanelKey::Unfinished.as_str()),
    })
}

/// No response has an answer, though they are not all cut.
pub fn no_answers(facts: &Facts<'_>) -> Option<Attention> {
    let none = least(&last(facts.data, Metric::FirstTrialNoAnswerRate)?);
    (none >= NEARLY_ALL && all_cut(facts).is_none()).then(|| Attention {
        kind: Trouble::NoAnswers,
        severity: Severity::Wasted,
        reason: format!("In the last steps {} of the responses had no answer.", share(none)),
        value: none,
        unit: "of the responses",
        advice: "Look at a few responses: the prompt may not ask for the answer where [reward] \
                 extraction looks for it (in \\boxed{} unless configured), or a base model has a chat \
                 template."
            .into(),
        page: link::with("/mistakes", &[("run", facts.run), ("kind", "no_answer")]),
    })
}

/// No group has a spread of rewards, so there is no advantage anywhere.
pub fn no_spread(facts: &Facts<'_>) -> Option<Attention> {
    let groups = |metric| last(facts.data, metric).map(|values| values.iter().sum::<f64>());
    // Rewards that are not only 0 and 1 may differ in a group that fails as a whole.
    let graded = groups(Metric::FirstTrialReward).is_some();
    if groups(Metric::SomePassAfter)? > 0.0 || graded {
        return None;
    }
    let (none, all) = (groups(Metric::NonePassAfter)?, groups(Metric::AllPassAfter)?);
    let advice = if all >= none {
        "Take harder problems: there is nothing left to learn from these."
    } else {
        "Look at a few mistakes: the answers of the data set may be of another form, or the problems \
         too hard for this model."
    };
    (none + all > 0.0).then(|| Attention {
        kind: Trouble::NoSpread,
        severity: Severity::Wasted,
        reason: format!(
            "Of the last {} groups {none} failed as a whole and {all} passed as a whole: no group \
             teaches anything.",
            none + all
        ),
        value: 0.0,
        unit: "groups with a spread of rewards",
        advice: advice.into(),
        page: link::panel(facts.run, PanelKey::Refined.as_str()),
    })
}

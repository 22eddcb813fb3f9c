//! The panels of an overview: pure functions of what the log has of a run.

mod held_out;
mod learning;
mod machines;
mod trials;

use retrial_store::RunData;
use serde::Serialize;
use utoipa::ToSchema;

use crate::panel::Panel;

/// Panels that answer one question of a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Section {
    /// The question.
    pub title: &'static str,
    /// Its panels, the most telling first.
    pub panels: Vec<Panel>,
}

/// All panels of a run.
pub fn sections(data: &RunData) -> Vec<Section> {
    let mut better = held_out::panels(data);
    better.push(held_out::reward(data));
    better.extend(held_out::sources(data));
    vec![
        Section { title: "Does it get better?", panels: better },
        Section {
            title: "Do mistakes turn into successes?",
            panels: vec![
                trials::outcomes(data),
                trials::refined(data),
                trials::rescues(data),
                trials::answer_space(data),
                trials::graduations(data),
                trials::coverage(data),
                trials::repeats(data),
                trials::second_trial(data),
                trials::replacements(data),
            ],
        },
        Section {
            title: "Does it learn soundly?",
            panels: vec![
                learning::effective_batch(data),
                learning::entropy(data),
                learning::mismatch(data),
                learning::evidence(data),
                learning::oddities(data),
                learning::lengths(data),
                learning::unfinished(data),
                learning::loss(data),
                learning::gradient(data),
                learning::clipping(data),
                learning::rho(data),
                learning::kl(data),
                learning::correction(data),
                learning::trained_tokens(data),
                learning::entropy_bonus(data),
            ],
        },
        Section {
            title: "Where does the time go?",
            panels: vec![
                machines::time(data),
                machines::tokens(data),
                machines::push(data),
                machines::staleness(data),
            ],
        },
    ]
}

#[cfg(test)]
mod tests;

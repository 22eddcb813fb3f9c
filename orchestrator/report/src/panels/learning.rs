//! Whether learning is sound: what is learnt from, entropy, lengths, the update itself.

use crate::panel::{Panel, Range};
use crate::series::ratio;
use retrial_store::RunData;

/// The share of the batch that teaches anything.
pub fn effective_batch(data: &RunData) -> Panel {
    let trained = data.metric("trained_samples");
    let share = ratio(&trained, &data.metric("first_trial_rollouts"));
    let empty = trained.iter().rev().take_while(|count| **count == Some(0.0)).count();
    let formula = "Samples with an advantage (or under an entropy bonus) as a share of the refined \
                   groups' rollouts. A group whose rewards are all equal has none.";
    Panel::over_steps(data, "effective-batch", "Effective batch", formula)
        .range(Range::Share)
        .series("trained / sampled", share)
        .figure("empty steps in a row", (!trained.is_empty()).then_some(empty as f64))
        .or_empty("No step has counted its rollouts.")
}

/// How undecided the policy is.
pub fn entropy(data: &RunData) -> Panel {
    let formula = "Nats a token. Sampled: minus the mean log-probability of the first trial's \
                   tokens. Trained: mean entropy of the policy over the tokens of the update.";
    Panel::over_steps(data, "entropy", "Entropy", formula)
        .series("sampled", data.metric("entropy"))
        .series("trained", data.metric("trained_entropy"))
        .or_empty("No update has been made yet.")
}

/// Whether server and trainer compute the same.
pub fn mismatch(data: &RunData) -> Panel {
    let formula = "Mean of |log-probability in the trainer − at the server| over the on-policy \
                   tokens, before the first optimizer step, nats. Rounding only, if all is well.";
    Panel::over_steps(data, "mismatch", "Sampler versus trainer", formula)
        .series("difference", data.metric("sampler_mismatch"))
        .or_empty("No update has had on-policy tokens yet.")
}

/// How long responses are.
pub fn lengths(data: &RunData) -> Panel {
    let metric = |name: &str| data.metric(&format!("first_trial_response_tokens{name}"));
    let formula = "Tokens of a response of the first trial: 10 % are shorter than p10, half are \
                   shorter than p50, 10 % are longer than p90.";
    Panel::over_steps(data, "lengths", "Response length", formula)
        .series("p90", metric("_p90"))
        .series("p50", metric("_p50"))
        .series("p10", metric("_p10"))
        .or_empty("No step has measured its responses.")
}

/// Responses without a result.
pub fn unfinished(data: &RunData) -> Panel {
    let formula = "Shares of the first trial: cut at the response limit; without an answer (those \
                   that were cut among them).";
    Panel::over_steps(data, "unfinished", "Cut off, no answer", formula)
        .range(Range::Share)
        .series("no answer", data.metric("first_trial_no_answer_rate"))
        .series("cut off", data.metric("first_trial_truncation_rate"))
        .or_empty("No step has its rollouts yet.")
}

/// What an update minimises.
pub fn loss(data: &RunData) -> Panel {
    let formula = "Minus the mixed-policy objective at the first optimizer step of each update.";
    Panel::over_steps(data, "loss", "Loss", formula)
        .range(Range::Free)
        .series("loss", data.metric("loss"))
        .or_empty("No update has been made yet.")
}

/// How large updates are.
pub fn gradient(data: &RunData) -> Panel {
    let formula = "Norm of the gradient before clipping, at the first optimizer step.";
    Panel::over_steps(data, "gradient", "Gradient norm", formula)
        .series("norm", data.metric("grad_norm"))
        .or_empty("No update has been made yet.")
}

/// How often the ratio is clipped.
pub fn clipping(data: &RunData) -> Panel {
    let formula = "Share of the on-policy tokens whose ratio was clipped, over all optimizer steps \
                   of the update. The hinted part has no clip.";
    Panel::over_steps(data, "clipping", "Clip fraction", formula)
        .series("clipped", data.metric("clip_fraction"))
        .or_empty("No update has had on-policy tokens yet.")
}

/// How far the hinted policy is from the un-hinted one.
pub fn rho(data: &RunData) -> Panel {
    let formula = "Ratios of the hinted part, un-hinted policy over hinted sampler, at the first \
                   optimizer step: 10 %, 50 % and 90 % of them are below.";
    Panel::over_steps(data, "rho", "Ratios of the hinted part", formula)
        .series("p90", data.metric("rho_p90"))
        .series("p50", data.metric("rho_p50"))
        .series("p10", data.metric("rho_p10"))
        .or_empty("No rescued response has been trained on yet.")
}

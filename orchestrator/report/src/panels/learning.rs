//! Health of the training: batch composition, entropy, lengths, the update itself.

use retrial_protocol::{Metric, PanelKey};
use retrial_store::RunData;

use crate::panel::{Panel, Range};
use crate::series::ratio;

/// The share of the batch with a training signal.
pub fn effective_batch(data: &RunData) -> Panel {
    let trained = data.metric(Metric::TrainedSamples);
    let share = ratio(&trained, &data.metric(Metric::FirstTrialRollouts));
    let empty = trained.iter().rev().take_while(|count| **count == Some(0.0)).count();
    let formula = "Samples with an advantage (or under an entropy bonus) as a share of the refined \
                   groups' rollouts. A group whose rewards are all equal has none.";
    Panel::over_steps(data, PanelKey::EffectiveBatch.as_str(), "Effective batch", formula)
        .range(Range::Share)
        .series("trained / sampled", share)
        .figure("empty steps in a row", (!trained.is_empty()).then_some(empty as f64))
        .or_empty("No step has counted its rollouts.")
}

/// Entropy of the policy.
pub fn entropy(data: &RunData) -> Panel {
    let formula = "Nats a token. Sampled: minus the mean log-probability of the first trial's \
                   tokens. Trained: mean entropy of the policy over the tokens of the update.";
    Panel::over_steps(data, PanelKey::Entropy.as_str(), "Entropy", formula)
        .series("sampled", data.metric(Metric::Entropy))
        .series("trained", data.metric(Metric::TrainedEntropy))
        .or_empty("No update has been made yet.")
}

/// Sampler mismatch: whether server and trainer compute the same log-probabilities.
pub fn mismatch(data: &RunData) -> Panel {
    let formula = "Mean of |log-probability in the trainer − at the server| over the on-policy \
                   tokens, before the first optimizer step, nats. Rounding only, if all is well.";
    Panel::over_steps(data, PanelKey::Mismatch.as_str(), "Sampler versus trainer", formula)
        .series("difference", data.metric(Metric::SamplerMismatch))
        .or_empty("No update has had on-policy tokens yet.")
}

/// Evidence that servers have the current weights.
pub fn evidence(data: &RunData) -> Panel {
    let formula = "How much better the weights that should have sampled the rollouts explain their \
                   log-probabilities than those before, standard errors. Above 5 they are those; at -5 \
                   the weights are pushed again; in between the tokens do not tell.";
    Panel::over_steps(data, PanelKey::Evidence.as_str(), "Evidence of the weights", formula)
        .series("evidence", data.metric(Metric::WeightsEvidence))
        .or_empty("No update has been looked at yet.")
}

/// Unusable responses and implausible tokens of servers.
pub fn oddities(data: &RunData) -> Panel {
    let formula = "Responses without a reward: all attempts to sample gave an unusable one, or it could \
                   not be verified. Sampled tokens whose log-probability is above 0, or below -30. Times \
                   that a server had other weights than those pushed, and was pushed to again.";
    Panel::over_steps(data, PanelKey::Oddities.as_str(), "Given up, odd numbers", formula)
        .range(Range::Zero)
        .series("responses given up", data.metric(Metric::GivenUpRollouts))
        .series("without verdict", data.metric(Metric::GivenUpVerdicts))
        .series("odd tokens", data.metric(Metric::OddTokens))
        .series("wrong weights", data.metric(Metric::WrongWeights))
        .or_empty("No step has counted them.")
}

/// Lengths of responses.
pub fn lengths(data: &RunData) -> Panel {
    let formula = "Tokens of a response of the first trial: 10 % are shorter than p10, half are \
                   shorter than p50, 10 % are longer than p90. Means of both trials.";
    Panel::over_steps(data, PanelKey::Lengths.as_str(), "Response length", formula)
        .series("p90", data.metric(Metric::FirstTrialResponseTokensP90))
        .series("p50", data.metric(Metric::FirstTrialResponseTokensP50))
        .series("p10", data.metric(Metric::FirstTrialResponseTokensP10))
        .series("mean", data.metric(Metric::FirstTrialResponseTokens))
        .series("mean, second trial", data.metric(Metric::SecondTrialResponseTokens))
        .or_empty("No step has measured its responses.")
}

/// Truncated responses, and responses without an answer.
pub fn unfinished(data: &RunData) -> Panel {
    let formula = "Shares of the first trial: cut at the response limit; without an answer (those \
                   that were cut among them).";
    Panel::over_steps(data, PanelKey::Unfinished.as_str(), "Cut off, no answer", formula)
        .range(Range::Share)
        .series("no answer", data.metric(Metric::FirstTrialNoAnswerRate))
        .series("cut off", data.metric(Metric::FirstTrialTruncationRate))
        .or_empty("No step has its rollouts yet.")
}

/// The loss.
pub fn loss(data: &RunData) -> Panel {
    let formula = "Minus the mixed-policy objective at the first optimizer step of each update.";
    Panel::over_steps(data, PanelKey::Loss.as_str(), "Loss", formula)
        .range(Range::Free)
        .series("loss", data.metric(Metric::Loss))
        .or_empty("No update has been made yet.")
}

/// The norm of the gradient.
pub fn gradient(data: &RunData) -> Panel {
    let formula = "Norm of the gradient before clipping, at the first optimizer step.";
    Panel::over_steps(data, PanelKey::Gradient.as_str(), "Gradient norm", formula)
        .series("norm", data.metric(Metric::GradNorm))
        .or_empty("No update has been made yet.")
}

/// The clip fraction.
pub fn clipping(data: &RunData) -> Panel {
    let formula = "Share of the on-policy tokens whose ratio was clipped, over all optimizer steps \
                   of the update. The hinted part has no clip.";
    Panel::over_steps(data, PanelKey::Clipping.as_str(), "Clip fraction", formula)
        .series("clipped", data.metric(Metric::ClipFraction))
        .or_empty("No update has had on-policy tokens yet.")
}

/// Ratios between the un-hinted policy and the hinted sampler.
pub fn rho(data: &RunData) -> Panel {
    let formula = "Ratios of the hinted part, un-hinted policy over hinted sampler, at the first \
                   optimizer step: 10 %, 50 % and 90 % of them are below.";
    Panel::over_steps(data, PanelKey::Rho.as_str(), "Ratios of the hinted part", formula)
        .series("p90", data.metric(Metric::RhoP90))
        .series("p50", data.metric(Metric::RhoP50))
        .series("p10", data.metric(Metric::RhoP10))
        .or_empty("No rescued response has been trained on yet.")
}

/// Trained tokens, on-policy and hinted.
pub fn trained_tokens(data: &RunData) -> Panel {
    let formula = "Response tokens of a batch: on-policy ones, and those of rescues, which were sampled \
                   with a hint and are trained without it.";
    Panel::over_steps(data, PanelKey::TrainedTokens.as_str(), "Trained tokens", formula)
        .stacked()
        .series("on-policy", data.metric(Metric::OnPolicyTokens))
        .series("hinted", data.metric(Metric::HintedTokens))
        .or_empty("No update has been made yet.")
}

/// The entropy coefficient.
pub fn entropy_bonus(data: &RunData) -> Panel {
    let formula = "Coefficient of the entropy bonus ([objective] entropy): the objective is given this \
                   times the entropy of the policy.";
    Panel::over_steps(data, PanelKey::EntropyBonus.as_str(), "Entropy bonus", formula)
        .series("coefficient", data.metric(Metric::EntropyCoefficient))
        .or_empty("No update has been made yet.")
}

/// How often the sampler mismatch is corrected.
pub fn correction(data: &RunData) -> Panel {
    let formula = "Share of the on-policy tokens whose importance weight, trainer over server, \
                   [objective] correction truncated or left out.";
    Panel::over_steps(data, PanelKey::Correction.as_str(), "Corrected tokens", formula)
        .series("corrected", data.metric(Metric::CorrectedFraction))
        .or_empty("No update has corrected its tokens: [objective] correction asks for it.")
}

/// KL divergence from the reference.
pub fn kl(data: &RunData) -> Panel {
    let formula = "Distance of the policy from the model that the run began with, by the unbiased \
                   estimator k3: mean of q/p − 1 − log(q/p) over the tokens, nats a token.";
    Panel::over_steps(data, PanelKey::Kl.as_str(), "KL to the reference", formula)
        .series("k3", data.metric(Metric::Kl))
        .or_empty("No update has measured it: [objective] kl asks for it.")
}

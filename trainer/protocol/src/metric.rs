//! The metrics of a step: name, unit, formula, source and panel of every number in the log are declared
//! here, and nowhere else.
//!
//! The loop and the trainer fill them, the log stores them by name, the dashboard, Prometheus and
//! exports show them, and the table in `docs/schema.md` is [`table`]. A test of the reports fails for
//! a metric that its panel does not show.

use std::fmt::Write as _;

use crate::{Quantiles, TrainMetrics};

/// Where a metric comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricSource {
    /// The graded rollouts of the step.
    Rollouts,
    /// The trainer's report of the update.
    Trainer,
    /// The clock of the loop.
    Clock,
}

impl MetricSource {
    /// The name of the source.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rollouts => "rollouts",
            Self::Trainer => "trainer",
            Self::Clock => "clock",
        }
    }
}

/// The panels that show metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their titles and formulas are with the panels")]
pub enum PanelKey {
    Outcomes,
    Refined,
    Rescues,
    AnswerSpace,
    Replacements,
    Repeats,
    SecondTrial,
    EffectiveBatch,
    TrainedTokens,
    Reward,
    Unfinished,
    Lengths,
    Staleness,
    Oddities,
    Entropy,
    EntropyBonus,
    Tokens,
    Loss,
    Gradient,
    Clipping,
    Rho,
    Mismatch,
    Evidence,
    Correction,
    Kl,
    Time,
}

impl PanelKey {
    /// Its name in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outcomes => "outcomes",
            Self::Refined => "refined",
            Self::Rescues => "rescues",
            Self::AnswerSpace => "answer-space",
            Self::Replacements => "replacements",
            Self::Repeats => "repeats",
            Self::SecondTrial => "second-trial",
            Self::EffectiveBatch => "effective-batch",
            Self::TrainedTokens => "trained-tokens",
            Self::Reward => "reward",
            Self::Unfinished => "unfinished",
            Self::Lengths => "lengths",
            Self::Staleness => "staleness",
            Self::Oddities => "oddities",
            Self::Entropy => "entropy",
            Self::EntropyBonus => "entropy-bonus",
            Self::Tokens => "tokens",
            Self::Loss => "loss",
            Self::Gradient => "gradient",
            Self::Clipping => "clipping",
            Self::Rho => "rho",
            Self::Mismatch => "mismatch",
            Self::Evidence => "evidence",
            Self::Correction => "correction",
            Self::Kl => "kl",
            Self::Time => "time",
        }
    }
}

macro_rules! metrics {
    ($($key:ident, $name:literal, $unit:literal, $source:ident, $panel:ident, $formula:literal;)*) => {
        /// A metric of a step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $(#[doc = $formula] $key,)*
        }

        impl Metric {
            /// All metrics.
            pub const ALL: &[Self] = &[$(Self::$key),*];

            /// Its name in the log.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$key => $name,)* }
            }

            /// Its unit.
            pub fn unit(self) -> &'static str {
                match self { $(Self::$key => $unit,)* }
            }

            /// Its formula, in words.
            pub fn formula(self) -> &'static str {
                match self { $(Self::$key => $formula,)* }
            }

            /// Its source.
            pub fn source(self) -> MetricSource {
                match self { $(Self::$key => MetricSource::$source,)* }
            }

            /// The panel that shows it.
            pub fn panel(self) -> PanelKey {
                match self { $(Self::$key => PanelKey::$panel,)* }
            }
        }
    };
}

metrics! {
    NonePass, "none_pass", "groups", Rollouts, Outcomes,
        "Groups of the first trial without a correct rollout.";
    SomePass, "some_pass", "groups", Rollouts, Outcomes,
        "Groups of the first trial with correct and failed rollouts.";
    AllPass, "all_pass", "groups", Rollouts, Outcomes,
        "Groups of the first trial with correct rollouts only.";
    NonePassAfter, "none_pass_after", "groups", Rollouts, Refined,
        "Refined groups without a correct rollout.";
    SomePassAfter, "some_pass_after", "groups", Rollouts, Refined,
        "Refined groups with correct and failed rollouts.";
    AllPassAfter, "all_pass_after", "groups", Rollouts, Refined,
        "Refined groups with correct rollouts only.";
    HintedProblems, "hinted_problems", "problems", Rollouts, Rescues,
        "Problems that got a second trial.";
    RescuedProblems, "rescued_problems", "problems", Rollouts, Rescues,
        "Problems with a correct rollout in the second trial.";
    HintedPlain, "hinted_problems_plain", "problems", Rollouts, Rescues,
        "Second trials on the plain prompt.";
    RescuedPlain, "rescued_problems_plain", "problems", Rollouts, Rescues,
        "Those of them with a correct rollout.";
    HintedConcise, "hinted_problems_concise", "problems", Rollouts, Rescues,
        "Second trials that ask for a concise answer.";
    RescuedConcise, "rescued_problems_concise", "problems", Rollouts, Rescues,
        "Those of them with a correct rollout.";
    HintedConciseHint, "hinted_problems_concise_hint", "problems", Rollouts, Rescues,
        "Second trials that ask for a concise answer and list wrong ones.";
    RescuedConciseHint, "rescued_problems_concise_hint", "problems", Rollouts, Rescues,
        "Those of them with a correct rollout.";
    HintedHint, "hinted_problems_hint", "problems", Rollouts, Rescues,
        "Second trials that list wrong answers.";
    RescuedHint, "rescued_problems_hint", "problems", Rollouts, Rescues,
        "Those of them with a correct rollout.";
    HintedOf2, "hinted_problems_2_answers", "problems", Rollouts, AnswerSpace,
        "Second trials of problems that can have two answers.";
    RescuedOf2, "rescued_problems_2_answers", "problems", Rollouts, AnswerSpace,
        "Those of them with a correct rollout.";
    HintedOf3To5, "hinted_problems_3_to_5_answers", "problems", Rollouts, AnswerSpace,
        "Second trials of problems that can have three to five answers.";
    RescuedOf3To5, "rescued_problems_3_to_5_answers", "problems", Rollouts, AnswerSpace,
        "Those of them with a correct rollout.";
    HintedOf6Up, "hinted_problems_6_answers_up", "problems", Rollouts, AnswerSpace,
        "Second trials of problems that can have six answers or more, and these are known.";
    RescuedOf6Up, "rescued_problems_6_answers_up", "problems", Rollouts, AnswerSpace,
        "Those of them with a correct rollout.";
    HintedOfOpen, "hinted_problems_open_answers", "problems", Rollouts, AnswerSpace,
        "Second trials of problems whose possible answers are not known, in steps that have others.";
    RescuedOfOpen, "rescued_problems_open_answers", "problems", Rollouts, AnswerSpace,
        "Those of them with a correct rollout.";
    MeanReplacements, "mean_replacements", "rollouts", Rollouts, Replacements,
        "Failures that extra rollouts replaced, mean over the rescued groups.";
    RepeatedMistakeRate, "repeated_mistake_rate", "share", Rollouts, Repeats,
        "Extra rollouts whose answer is on the list of wrong answers in their own hint.";
    FirstTrialRollouts, "first_trial_rollouts", "rollouts", Rollouts, EffectiveBatch,
        "Graded rollouts of the first trial.";
    FirstTrialTokens, "first_trial_tokens", "tokens", Rollouts, Tokens,
        "Tokens of the responses of the first trial.";
    FirstTrialPassRate, "first_trial_pass_rate", "share", Rollouts, Reward,
        "Correct rollouts of the first trial.";
    FirstTrialReward, "first_trial_reward", "reward", Rollouts, Reward,
        "Reward of the first trial, mean, in steps where it is not only 0 and 1.";
    FirstTrialTruncationRate, "first_trial_truncation_rate", "share", Rollouts, Unfinished,
        "Rollouts of the first trial that were cut at the response limit.";
    FirstTrialNoAnswerRate, "first_trial_no_answer_rate", "share", Rollouts, Unfinished,
        "Rollouts of the first trial without an answer, including cut ones.";
    FirstTrialResponseTokens, "first_trial_response_tokens", "tokens", Rollouts, Lengths,
        "Length of a response of the first trial, mean.";
    FirstTrialResponseTokensP10, "first_trial_response_tokens_p10", "tokens", Rollouts, Lengths,
        "The same, 10 % quantile.";
    FirstTrialResponseTokensP50, "first_trial_response_tokens_p50", "tokens", Rollouts, Lengths,
        "The same, median.";
    FirstTrialResponseTokensP90, "first_trial_response_tokens_p90", "tokens", Rollouts, Lengths,
        "The same, 90 % quantile.";
    Staleness, "staleness", "versions", Rollouts, Staleness,
        "Version that is trained minus version that sampled, mean over the first trial.";
    Entropy, "entropy", "nats a token", Rollouts, Entropy,
        "Minus the mean log-probability of the first trial's tokens.";
    GivenUpRollouts, "given_up_rollouts", "rollouts", Rollouts, Oddities,
        "Unusable responses, where all attempts failed: they have no reward.";
    GivenUpVerdicts, "given_up_verdicts", "rollouts", Rollouts, Oddities,
        "Responses that could not be verified, in steps that have some: they have no reward.";
    OddTokens, "odd_tokens", "tokens", Rollouts, Oddities,
        "Sampled tokens whose log-probability is above 0, or below -30.";
    SecondTrialRollouts, "second_trial_rollouts", "rollouts", Rollouts, SecondTrial,
        "Graded rollouts of the second trial.";
    SecondTrialTokens, "second_trial_tokens", "tokens", Rollouts, Tokens,
        "Tokens of the responses of the second trial.";
    SecondTrialPassRate, "second_trial_pass_rate", "share", Rollouts, SecondTrial,
        "Correct rollouts of the second trial.";
    SecondTrialTruncationRate, "second_trial_truncation_rate", "share", Rollouts, SecondTrial,
        "Rollouts of the second trial that were cut at the response limit.";
    SecondTrialResponseTokens, "second_trial_response_tokens", "tokens", Rollouts, Lengths,
        "Length of a response of the second trial, mean.";
    Loss, "loss", "nats a token", Trainer, Loss,
        "Minus the objective, mean over the optimizer steps of the first pass.";
    GradNorm, "grad_norm", "norm", Trainer, Gradient,
        "Norm of the gradient before clipping, likewise.";
    OnPolicyTokens, "on_policy_tokens", "tokens", Trainer, TrainedTokens,
        "Response tokens of the on-policy part of the batch.";
    HintedTokens, "hinted_tokens", "tokens", Trainer, TrainedTokens,
        "Response tokens of the hinted part of the batch.";
    TrainedSamples, "trained_samples", "samples", Trainer, EffectiveBatch,
        "Samples with an advantage, or under an entropy bonus.";
    ClipFraction, "clip_fraction", "share", Trainer, Clipping,
        "On-policy tokens whose ratio was clipped, over all optimizer steps.";
    RhoP10, "rho_p10", "ratio", Trainer, Rho,
        "Ratio of the hinted part in the first pass, un-hinted policy over hinted sampler: 10 % quantile.";
    RhoP50, "rho_p50", "ratio", Trainer, Rho,
        "The same, median.";
    RhoP90, "rho_p90", "ratio", Trainer, Rho,
        "The same, 90 % quantile.";
    TrainedEntropy, "trained_entropy", "nats a token", Trainer, Entropy,
        "Entropy of the policy, mean over the trained tokens.";
    EntropyCoefficient, "entropy_coefficient", "factor", Trainer, EntropyBonus,
        "Coefficient of the entropy bonus.";
    SamplerMismatch, "sampler_mismatch", "nats a token", Trainer, Mismatch,
        "|log-probability in the trainer - at the server|, mean over the on-policy tokens in the first pass.";
    WrongWeights, "wrong_weights", "times", Rollouts, Oddities,
        "Times that a server had other weights than those pushed, and was pushed to again.";
    WeightsEvidence, "weights_evidence", "standard errors", Trainer, Evidence,
        "How much better the expected weights explain the log-probabilities of the rollouts than the previous weights.";
    CorrectedFraction, "corrected_fraction", "share", Trainer, Correction,
        "On-policy tokens whose importance weight a correction truncated or left out.";
    Kl, "kl", "nats a token", Trainer, Kl,
        "Distance of the policy from the reference by the estimator k3, mean over the tokens.";
    FirstTrialSeconds, "first_trial_seconds", "seconds", Clock, Time,
        "Sampling and grading of the first trial.";
    SecondTrialSeconds, "second_trial_seconds", "seconds", Clock, Time,
        "Sampling and grading of the second trial.";
    TrainSeconds, "train_seconds", "seconds", Clock, Time,
        "The update and the writing of the new version.";
    PublishSeconds, "publish_seconds", "seconds", Clock, Time,
        "The push of the weights and its verification.";
}

impl Metric {
    /// The metric of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.name() == name)
    }
}

/// A metric with its value; absent where nothing was measured.
pub type Measured = (Metric, Option<f64>);

impl TrainMetrics {
    /// The metrics of an update. A field that is not listed here does not compile.
    pub fn measured(&self) -> Vec<Measured> {
        let Self {
            loss,
            grad_norm,
            on_policy_tokens,
            hinted_tokens,
            trained_samples,
            clip_fraction,
            rho,
            entropy,
            entropy_coefficient,
            sampler_mismatch,
            corrected_fraction,
            kl,
            // The loop measures the whole request instead.
            train_seconds: _,
        } = self;
        let rho = |at: fn(Quantiles) -> f64| rho.map(at);
        vec![
            (Metric::Loss, Some(*loss)),
            (Metric::GradNorm, Some(*grad_norm)),
            (Metric::OnPolicyTokens, Some(*on_policy_tokens as f64)),
            (Metric::HintedTokens, Some(*hinted_tokens as f64)),
            (Metric::TrainedSamples, Some(*trained_samples as f64)),
            (Metric::ClipFraction, *clip_fraction),
            (Metric::RhoP10, rho(|rho| rho.p10)),
            (Metric::RhoP50, rho(|rho| rho.p50)),
            (Metric::RhoP90, rho(|rho| rho.p90)),
            (Metric::TrainedEntropy, *entropy),
            (Metric::EntropyCoefficient, Some(*entropy_coefficient)),
            (Metric::SamplerMismatch, *sampler_mismatch),
            (Metric::CorrectedFraction, *corrected_fraction),
            (Metric::Kl, *kl),
        ]
    }
}

/// All metrics as a Markdown table, for `docs/schema.md`.
pub fn table() -> String {
    let mut table = "| name | unit | from | panel | what |\n|---|---|---|---|---|\n".to_owned();
    for metric in Metric::ALL {
        let (source, panel) = (metric.source().as_str(), metric.panel().as_str());
        let (name, unit, formula) = (metric.name(), metric.unit(), metric.formula());
        let formula = formula.replace('|', "\\|");
        let _ = writeln!(table, "| `{name}` | {unit} | {source} | `{panel}` | {formula} |");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_table_is_the_registry() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(&table()), "docs/schema.md must have this table:\n{}", table());
    }

    #[test]
    fn names_are_unique() {
        for &metric in Metric::ALL {
            assert_eq!(Metric::by_name(metric.name()), Some(metric));
        }
    }

    #[test]
    fn what_the_trainer_measures_reaches_the_log() {
        let metrics = TrainMetrics {
            kl: Some(0.25),
            corrected_fraction: Some(0.5),
            ..TrainMetrics::default()
        };
        let measured = metrics.measured();
        let value = |of| measured.iter().find(|(metric, _)| *metric == of).unwrap().1;
        assert_eq!((value(Metric::Kl), value(Metric::CorrectedFraction)), (Some(0.25), Some(0.5)));
        assert_eq!(value(Metric::ClipFraction), None, "what was not measured has no value");
    }
}

//! The metrics of one step, from its groups and the trainer's report.

use std::path::Path;

use retrial_domain::FinishReason;
use retrial_grader::Verdict;
use retrial_lte::{GroupOutcome, HintKind};
use retrial_protocol::{Metric, PublishReport, PushOutcome, Quantiles, Step, TrainMetrics};
use retrial_servers::Oddities;
use retrial_store::{GroupRecord, PushRecord, StepRecord};

use crate::by_space::{BySpace, by_space};
use crate::group::{Group, Second, Shared};
use crate::reward::reward;

/// Seconds by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seconds {
    /// Rollouts and grades of the first trial.
    pub first_trial: f64,
    /// Rollouts and grades of the second trial.
    pub second_trial: f64,
    /// The update and the writing of the new version.
    pub train: f64,
    /// The push and its verification.
    pub publish: f64,
}

/// Counts of groups by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// None passed.
    pub none: usize,
    /// Some passed.
    pub some: usize,
    /// All passed.
    pub all: usize,
}

/// Counts of second trials of a kind, and of rescues by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hinted {
    /// The prompt.
    pub kind: HintKind,
    /// Problems that got it.
    pub problems: usize,
    /// Problems with at least one correct extra rollout.
    pub rescued: usize,
}

/// What was found about the servers' weights in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weights {
    /// How strong the evidence is that the right weights sampled, standard errors.
    pub evidence: Option<f64>,
    /// How often a server, or rollouts, had other weights.
    pub wrong: u64,
}

/// The metrics of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSummary {
    /// The step.
    pub step: Step,
    /// Groups after the first trial.
    pub before: Outcomes,
    /// Refined groups.
    pub after: Outcomes,
    /// Second trials by kind, kinds that did not occur left out.
    pub hinted: Vec<Hinted>,
    /// Mean number of replaced failures over rescued groups.
    pub mean_replacements: Option<f64>,
    /// Share of the extra rollouts that repeat an answer of their hint.
    pub repeated_mistakes: Option<f64>,
    /// Responses that were given up.
    pub given_up: usize,
    /// Responses of both trials whose verifier gave up.
    pub unjudged: usize,
    /// Second trials by how many answers are possible; empty where nothing is known of any.
    pub by_space: Vec<BySpace>,
    /// Sampled tokens of both trials with an implausible log-probability.
    pub odd_tokens: u64,
    /// What was found about the servers' weights.
    pub weights: Weights,
    /// Numbers of the first trial.
    pub first: TrialNumbers,
    /// Numbers of the second trial.
    pub second: TrialNumbers,
    /// The report of the update.
    pub train: TrainMetrics,
    /// Durations.
    pub seconds: Seconds,
}

/// Metrics of the rollouts of a trial; absent if there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrialNumbers {
    /// Graded rollouts.
    pub rollouts: usize,
    /// Tokens of the responses.
    pub tokens: usize,
    /// Share that passed.
    pub pass: Option<f64>,
    /// Mean reward, if rewards are not only 0 and 1.
    pub reward: Option<f64>,
    /// Share that was truncated at the response limit.
    pub truncated: Option<f64>,
    /// Share without an answer, including truncated ones.
    pub no_answer: Option<f64>,
    /// Tokens of a response, mean.
    pub response_tokens: Option<f64>,
    /// Tokens of a response, quantiles.
    pub lengths: Option<Quantiles>,
    /// Versions between the weights that sampled and those that are trained, mean.
    pub staleness: Option<f64>,
    /// Minus the mean log-probability of the sampled tokens: an unbiased estimate of the policy's
    /// entropy, nats a token.
    pub entropy: Option<f64>,
}

impl StepSummary {
    /// Computes the metrics of a step.
    pub fn new(
        step: Step,
        groups: &[Group],
        train: TrainMetrics,
        weights: Weights,
        seconds: Seconds,
    ) -> Self {
        let replaced: Vec<usize> =
            groups.iter().map(|group| group.replacements().len()).filter(|&n| n > 0).collect();
        let all =
            |of: fn(&Group) -> &[Shared]| -> Vec<&Shared> { groups.iter().flat_map(of).collect() };
        Self {
            step,
            before: Outcomes::of(groups.iter().map(Group::before)),
            after: Outcomes::of(groups.iter().map(Group::after)),
            hinted: hinted(groups),
            mean_replacements: mean(replaced.iter().map(|&count| count as f64)),
            repeated_mistakes: mean(groups.iter().flat_map(repeats)),
            given_up: groups.iter().map(|group| group.given_up).sum(),
            unjudged: groups.iter().map(|group| group.unjudged).sum(),
            by_space: by_space(groups),
            odd_tokens: odd_tokens(groups),
            weights,
            first: TrialNumbers::of(step, &all(|group| &group.first)),
            second: TrialNumbers::of(step, &all(Group::extra)),
            train,
            seconds,
        }
    }

    /// Problems whose group the second trial rescued.
    pub fn rescued(&self) -> usize {
        self.hinted.iter().map(|hinted| hinted.rescued).sum()
    }

    /// Problems that got a second trial.
    pub fn retried(&self) -> usize {
        self.hinted.iter().map(|hinted| hinted.problems).sum()
    }

    /// All metrics of the step. Absent values are left out.
    pub fn metrics(&self) -> Vec<(Metric, f64)> {
        let count = |metric, value: usize| (metric, Some(value as f64));
        let lengths = |at: fn(Quantiles) -> f64| self.first.lengths.map(at);
        let of_rollouts = [
            count(Metric::NonePass, self.before.none),
            count(Metric::SomePass, self.before.some),
            count(Metric::AllPass, self.before.all),
            count(Metric::NonePassAfter, self.after.none),
            count(Metric::SomePassAfter, self.after.some),
            count(Metric::AllPassAfter, self.after.all),
            count(Metric::HintedProblems, self.retried()),
            count(Metric::RescuedProblems, self.rescued()),
            (Metric::MeanReplacements, self.mean_replacements),
            (Metric::RepeatedMistakeRate, self.repeated_mistakes),
            count(Metric::FirstTrialRollouts, self.first.rollouts),
            count(Metric::FirstTrialTokens, self.first.tokens),
            (Metric::FirstTrialPassRate, self.first.pass),
            (Metric::FirstTrialReward, self.first.reward),
            (Metric::FirstTrialTruncationRate, self.first.truncated),
            (Metric::FirstTrialNoAnswerRate, self.first.no_answer),
            (Metric::FirstTrialResponseTokens, self.first.response_tokens),
            (Metric::FirstTrialResponseTokensP10, lengths(|lengths| lengths.p10)),
            (Metric::FirstTrialResponseTokensP50, lengths(|lengths| lengths.p50)),
            (Metric::FirstTrialResponseTokensP90, lengths(|lengths| lengths.p90)),
            (Metric::Staleness, self.first.staleness),
            (Metric::Entropy, self.first.entropy),
            count(Metric::GivenUpRollouts, self.given_up),
            (Metric::GivenUpVerdicts, (self.unjudged > 0).then_some(self.unjudged as f64)),
            count(Metric::OddTokens, self.odd_tokens as usize),
            (Metric::WeightsEvidence, self.weights.evidence),
            count(Metric::WrongWeights, self.weights.wrong as usize),
            count(Metric::SecondTrialRollouts, self.second.rollouts),
            count(Metric::SecondTrialTokens, self.second.tokens),
            (Metric::SecondTrialPassRate, self.second.pass),
            (Metric::SecondTrialTruncationRate, self.second.truncated),
            (Metric::SecondTrialResponseTokens, self.second.response_tokens),
        ];
        let of_clock = [
            (Metric::FirstTrialSeconds, Some(self.seconds.first_trial)),
            (Metric::SecondTrialSeconds, Some(self.seconds.second_trial)),
            (Metric::TrainSeconds, Some(self.seconds.train)),
            (Metric::PublishSeconds, Some(self.seconds.publish)),
        ];
        let by_kind = self.hinted.iter().flat_map(|hinted| {
            let (given, rescued) = kind_metrics(hinted.kind);
            [count(given, hinted.problems), count(rescued, hinted.rescued)]
        });
        let by_space = self.by_space.iter().flat_map(|of| {
            let (given, rescued) = of.size.metrics();
            [count(given, of.problems), count(rescued, of.rescued)]
        });
        let of_trainer = self.train.measured();
        let all = of_rollouts.into_iter().chain(of_trainer).chain(of_clock).chain(by_kind);
        let all = all.chain(by_space);
        all.filter_map(|(metric, value)| Some((metric, value?))).collect()
    }

    /// The record of the step for the log, besides its rollouts and hints.
    pub fn record(&self, groups: &[Group], folder: &Path, pushed: &PublishReport) -> StepRecord {
        let differences = pushed.servers.iter().filter_map(|server| match server.outcome {
            PushOutcome::Verified { max_difference } => Some(max_difference),
            PushOutcome::Unreachable { .. }
            | PushOutcome::Refused { .. }
            | PushOutcome::Mismatched { .. } => None,
        });
        StepRecord {
            groups: groups
                .iter()
                .map(|group| GroupRecord {
                    problem: group.problem.clone(),
                    before: group.before(),
                    after: group.after(),
                    replacements: group.replacements(),
                })
                .collect(),
            weights: PushRecord {
                version: pushed.version,
                folder: folder.into(),
                max_difference: differences.reduce(f64::max),
            },
            metrics: self.metrics(),
        }
    }
}

impl Outcomes {
    fn of(outcomes: impl Iterator<Item = GroupOutcome>) -> Self {
        outcomes.fold(Self::default(), |mut sum, outcome| {
            match outcome {
                GroupOutcome::NonePass => sum.none += 1,
                GroupOutcome::SomePass => sum.some += 1,
                GroupOutcome::AllPass => sum.all += 1,
            }
            sum
        })
    }
}

impl TrialNumbers {
    fn of(step: Step, graded: &[&Shared]) -> Self {
        let share = |test: fn(&Shared) -> bool| {
            mean(graded.iter().map(|rollout| f64::from(u8::from(test(rollout)))))
        };
        let tokens = || graded.iter().map(|graded| graded.rollout.tokens.len());
        let logprobs = graded.iter().flat_map(|graded| &graded.rollout.logprobs);
        let stale =
            |graded: &&Shared| step.base().0.saturating_sub(graded.rollout.version.0) as f64;
        Self {
            rollouts: graded.len(),
            tokens: tokens().sum(),
            pass: share(|graded| graded.verdict() == Verdict::Correct),
            reward: rewards(graded),
            truncated: share(|graded| graded.rollout.finish == FinishReason::Length),
            no_answer: share(|graded| graded.verdict() == Verdict::NoAnswer),
            response_tokens: mean(tokens().map(|count| count as f64)),
            lengths: quantiles(tokens().collect()),
            staleness: mean(graded.iter().map(stale)),
            entropy: mean(logprobs.map(|&logprob| -f64::from(logprob))),
        }
    }
}

fn odd_tokens(groups: &[Group]) -> u64 {
    let mut oddities = Oddities::default();
    for rollout in groups.iter().flat_map(|group| group.first.iter().chain(group.extra())) {
        oddities.add_logprobs(&rollout.rollout.logprobs);
    }
    oddities.odd()
}

/// The mean reward, if rewards are not only 0 and 1.
fn rewards(graded: &[&Shared]) -> Option<f64> {
    let values = || graded.iter().map(|rollout| reward(rollout).value());
    let between = values().any(|value| value > 0.0 && value < 1.0);
    between.then(|| mean(values())).flatten()
}

fn is_rescued(group: &Group) -> bool {
    group.extra().iter().any(|graded| graded.verdict() == Verdict::Correct)
}

fn hinted(groups: &[Group]) -> Vec<Hinted> {
    let kinds = [HintKind::Hint, HintKind::ConciseHint, HintKind::Concise, HintKind::Plain];
    kinds
        .into_iter()
        .map(|kind| {
            let of_kind =
                |group: &&Group| group.second.as_ref().is_some_and(|s| s.retry.trial.kind == kind);
            let rescued = groups.iter().filter(of_kind).filter(|group| is_rescued(group));
            Hinted {
                kind,
                problems: groups.iter().filter(of_kind).count(),
                rescued: rescued.count(),
            }
        })
        .filter(|hinted| hinted.problems > 0)
        .collect()
}

/// For each extra rollout of a problem with a list of wrong answers: 1 if its answer is listed.
fn repeats(group: &Group) -> Vec<f64> {
    let Some(Second { retry, extra }) = &group.second else { return Vec::new() };
    let listed = &retry.trial.answers;
    if listed.is_empty() {
        return Vec::new();
    }
    let mut equality = retry.equality.clone();
    equality.learn(extra.iter().filter_map(|graded| graded.answer()));
    let repeats = |graded: &Shared| {
        graded
            .answer()
            .is_some_and(|answer| listed.iter().any(|wrong| equality.equal(wrong, &answer.text)))
    };
    group.extra().iter().map(|graded| f64::from(u8::from(repeats(graded)))).collect()
}

/// The metrics of a kind of second trial: problems that got it, and rescues.
fn kind_metrics(kind: HintKind) -> (Metric, Metric) {
    match kind {
        HintKind::Plain => (Metric::HintedPlain, Metric::RescuedPlain),
        HintKind::Concise => (Metric::HintedConcise, Metric::RescuedConcise),
        HintKind::ConciseHint => (Metric::HintedConciseHint, Metric::RescuedConciseHint),
        HintKind::Hint => (Metric::HintedHint, Metric::RescuedHint),
    }
}

/// Quantiles by nearest rank.
fn quantiles(mut values: Vec<usize>) -> Option<Quantiles> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| values[(share * last as f64).round() as usize] as f64;
    Some(Quantiles { p10: at(0.1), p50: at(0.5), p90: at(0.9) })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

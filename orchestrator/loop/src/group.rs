//! The group of a problem in a step.

use std::sync::Arc;

use retrial_config::Config;
use retrial_domain::{FinishReason, GradedRollout, ProblemId};
use retrial_grader::Verdict;
use retrial_lte::{
    GroupOutcome, HintKind, Member, Overlong, Response, Reward, Spread, advantages, samples,
};
use retrial_protocol::{Loss, Sample};
use retrial_store::Replacement;

use crate::hints::Retry;
use crate::reward::reward;

/// A rollout with several owners.
pub type Shared = Arc<GradedRollout>;

/// A problem's group, once its trials are over.
#[derive(Clone, Debug)]
pub struct Group {
    /// The problem.
    pub problem: ProblemId,
    /// Token ids of its un-hinted prompt.
    pub prompt: Vec<u32>,
    /// The rollouts of the first trial that have a reward.
    pub first: Vec<Shared>,
    /// The second trial, if there was one.
    pub second: Option<Second>,
    /// The refined group.
    pub members: Vec<Member<Shared>>,
    /// Responses of both trials that were given up, because no attempt gave a usable one.
    pub given_up: usize,
    /// Responses of both trials whose verifier gave up: they have no reward.
    pub unjudged: usize,
}

/// The second trial of a problem.
#[derive(Clone, Debug)]
pub struct Second {
    /// Its prompt.
    pub retry: Retry,
    /// Its rollouts that have a reward.
    pub extra: Vec<Shared>,
}

impl Group {
    /// The extra rollouts; none without a second trial.
    pub fn extra(&self) -> &[Shared] {
        self.second.as_ref().map_or(&[], |second| &second.extra)
    }

    /// Outcome of the first trial.
    pub fn before(&self) -> GroupOutcome {
        GroupOutcome::of(&self.first.iter().map(reward).collect::<Vec<_>>())
    }

    /// Outcome of the refined group.
    pub fn after(&self) -> GroupOutcome {
        let rewards: Vec<Reward> =
            self.members.iter().map(|member| reward(member.rollout())).collect();
        GroupOutcome::of(&rewards)
    }

    /// Failures and the extra rollouts that replaced them.
    pub fn replacements(&self) -> Vec<Replacement> {
        let pair = |member: &Member<Shared>| match member {
            Member::First(_) | Member::Solution(_) => None,
            Member::Extra { rollout, replaced } => {
                Some(Replacement { first: replaced.rollout.index, extra: rollout.rollout.index })
            }
        };
        self.members.iter().filter_map(pair).collect()
    }

    /// The samples of the group for the trainer: every member against the un-hinted prompt, without those that the
    /// configuration leaves out.
    pub fn samples(&self, config: &Config) -> Vec<Sample> {
        let kind = self.second.as_ref().map_or(HintKind::Plain, |second| second.retry.trial.kind);
        let advantages = self.advantages(config);
        if config.rollout.dynamic_sampling && advantages.iter().all(|&a| a == 0.0) {
            return Vec::new();
        }
        let members: Vec<_> = self.members.iter().map(response).collect();
        let all = samples(&self.prompt, &members, &advantages, kind);
        let filtered = config.rollout.overlong == Overlong::Filter;
        let taught = |member: &Member<Shared>| {
            !(filtered && member.rollout().rollout.finish == FinishReason::Length)
        };
        let with_members = all.into_iter().zip(&self.members);
        with_members.filter(|(_, member)| taught(member)).map(|(sample, _)| sample).collect()
    }

    fn advantages(&self, config: &Config) -> Vec<f32> {
        let (overlong, max_tokens) = (config.rollout.overlong, config.rollout.max_tokens());
        let value = |member: &Member<Shared>| {
            let graded = member.rollout();
            let length = graded.rollout.tokens.len();
            reward(graded).value() - overlong.punishment(length, max_tokens)
        };
        let spread = match config.objective.loss {
            Loss::DrGrpo => Spread::Kept,
            _ => Spread::Divided,
        };
        advantages(&self.members.iter().map(value).collect::<Vec<_>>(), spread)
    }
}

/// The rollouts with a reward.
pub fn with_reward(graded: Vec<GradedRollout>) -> Vec<Shared> {
    graded.into_iter().filter(|graded| graded.verdict() != Verdict::Timeout).map(Arc::new).collect()
}

fn response(member: &Member<Shared>) -> Member<Response<'_>> {
    fn of(graded: &Shared) -> Response<'_> {
        Response { tokens: &graded.rollout.tokens, logprobs: &graded.rollout.logprobs }
    }
    match member {
        Member::First(rollout) => Member::First(of(rollout)),
        Member::Extra { rollout, replaced } => {
            Member::Extra { rollout: of(rollout), replaced: of(replaced) }
        }
        Member::Solution(solution) => Member::Solution(of(solution)),
    }
}

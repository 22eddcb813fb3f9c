//! The reward of a rollout, as the method sees it.

use std::sync::Arc;

use retrial_domain::{GradedRollout, Judgement};
use retrial_lte::Reward;

/// The reward of a graded rollout.
pub fn reward(graded: &Arc<GradedRollout>) -> Reward {
    let Judgement { verdict, reward, .. } = &graded.judgement;
    let value = reward.map_or(0.0, retrial_domain::Reward::get);
    Reward::new(value, verdict.is_correct())
}

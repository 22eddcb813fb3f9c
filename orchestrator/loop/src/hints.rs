//! The answers that a hint lists: the step's own wrong ones, those in the log, or those of other
//! problems, and never so many that only the right one remains.

use std::sync::Arc;

use anyhow::Result;
use retrial_data::Task;
use retrial_domain::{FinishReason, GradedRollout};
use retrial_grader::Answer;
use retrial_lte::{
    AnswerSpace, Attempt, Memory, Method, SecondTrial, Whose, second_trial, wrong_answers,
};
use retrial_protocol::Step;

use crate::context::Context;
use crate::equality::Equality;
use crate::others::Others;
use crate::reward::reward;

/// A second trial with its hint.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The prompt, and the answers that it lists.
    pub trial: SecondTrial,
    /// Answers that the problem can have, where they are few and known.
    pub answer_space: Option<usize>,
    /// Which answers are equal.
    pub equality: Equality,
}

/// Decides on the second trial of a problem; `None` if it gets none. `others` has the wrong answers of the
/// step's other problems.
pub async fn retry(
    context: &Context,
    (step, others): (Step, &Others),
    task: &Task,
    first: &[Arc<GradedRollout>],
) -> Result<Option<Retry>> {
    let Context { config, spaces, .. } = context;
    let mut equality = Equality::default();
    equality.learn(first.iter().filter_map(|graded| graded.answer()));
    let attempts = attempts(first, config.hint.max_answer_characters);
    let trial = second_trial(config.run.method, &attempts, |a, b| equality.equal(a, b));
    let shuffled = config.run.method == Method::Lte && config.hint.answers == Whose::Shuffled;
    let trial = if shuffled {
        shuffle(context, (step, others), task, &attempts, trial, &equality).await
    } else {
        trial
    };
    let Some(trial) = trial else { return Ok(None) };
    if config.run.method != Method::Lte {
        return Ok(Some(Retry { trial, answer_space: None, equality }));
    }
    let space = spaces.space(task);
    let earlier = remembered(context, step, task).await?;
    equality.learn(&earlier);
    let trial = listed(context, &space, trial, earlier, &equality);
    Ok(Some(Retry { trial, answer_space: space.size(), equality }))
}

/// The input of a hint from the rollouts of a first trial. Answers of more than `longest`
/// characters are not listed.
fn attempts(first: &[Arc<GradedRollout>], longest: usize) -> Vec<Attempt> {
    let attempt = |graded: &Arc<GradedRollout>| Attempt {
        reward: reward(graded),
        truncated: graded.rollout.finish == FinishReason::Length,
        answer: graded
            .answer()
            .filter(|answer| answer.text.chars().count() <= longest)
            .map(|answer| answer.text.clone()),
    };
    first.iter().map(attempt).collect()
}

/// The second trial, if there is one, with wrong answers of the step's other problems: the control. Each
/// problem gives its own, whether it gets a second trial or not.
async fn shuffle(
    context: &Context,
    (step, others): (Step, &Others),
    task: &Task,
    attempts: &[Attempt],
    trial: Option<SecondTrial>,
    equality: &Equality,
) -> Option<SecondTrial> {
    let equal = |a: &str, b: &str| equality.equal(a, b);
    let (id, gold) = (&task.problem.id, &task.problem.answer);
    let others = others.exchange(id, wrong_answers(attempts, equal)).await;
    let seed = context.seed.of_text("shuffle").of(step.0).of_text(&id.0);
    trial.map(|trial| trial.shuffled(others, |answer| equal(answer, gold), equal, seed))
}

/// Wrong answers of earlier steps, if configured.
async fn remembered(context: &Context, step: Step, task: &Task) -> Result<Vec<Answer>> {
    let Context { config, store, id, .. } = context;
    match config.hint.memory {
        Memory::Step => Ok(Vec::new()),
        Memory::Run => Ok(store.wrong_answers_before(*id, step, &task.problem.id).await?),
    }
}

fn listed(
    context: &Context,
    space: &AnswerSpace,
    trial: SecondTrial,
    earlier: Vec<Answer>,
    equality: &Equality,
) -> SecondTrial {
    let hint = &context.config.hint;
    let equal = |a: &str, b: &str| equality.equal(a, b);
    let short = |text: &String| text.chars().count() <= hint.max_answer_characters;
    let earlier = earlier.into_iter().map(|answer| answer.text).filter(short);
    // No longer than a group alone could make it.
    let most = context.config.rollout.group as usize;
    let may = |list: &[String]| space.leaves(hint.min_possibilities, list, equal);
    trial.within(space, hint.min_possibilities, equal).remembering(earlier, most, may, equal)
}

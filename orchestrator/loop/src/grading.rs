//! Judgements of sampled responses: what the verifiers say of each.
//!
//! Decoding takes milliseconds of a processor and runs on threads of its own, as rules do, so that the
//! task that waits for servers is never late for the next answer. Programs and services are waited for
//! without a thread.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use retrial_data::Task;
use retrial_domain::{GradedRollout, Question, Rollout, Submission};
use retrial_grader::{Extraction, Verdict};
use retrial_protocol::WeightVersion;
use retrial_servers::Sampled;
use retrial_text::Text;
use retrial_verify::Verifiers;
use tokio::task::spawn_blocking;

/// Has responses judged.
#[derive(Clone)]
pub struct Grading {
    text: Arc<Text>,
    verifiers: Arc<Verifiers>,
}

impl Grading {
    /// Decodes responses with this tokenizer, and asks these verifiers.
    pub fn new(text: Arc<Text>, verifiers: Arc<Verifiers>) -> Self {
        Self { text, verifiers }
    }

    /// The same, for answers that are looked for elsewhere in responses.
    #[must_use]
    pub fn looking_in(&self, extraction: Extraction) -> Self {
        let verifiers = Arc::new(self.verifiers.looking_in(extraction));
        Self { text: Arc::clone(&self.text), verifiers }
    }

    /// Has the responses to a problem judged that the weights of `version` sampled, each with its
    /// position in the group. `name` is what they are called, less the position.
    pub async fn grade(
        &self,
        name: &str,
        task: &Task,
        sampled: Vec<(u32, Sampled)>,
        version: WeightVersion,
    ) -> Result<Vec<GradedRollout>> {
        let text = Arc::clone(&self.text);
        let decode = move || -> Result<Vec<Rollout>> {
            let rollout = |(index, sampled)| rollout(&text, index, sampled, version);
            sampled.into_iter().map(rollout).collect()
        };
        let rollouts = spawn_blocking(decode).await.context("decoding broke off")??;
        let Task { problem, solution, .. } = task;
        let question = Arc::new(Question { problem: problem.clone(), solution: solution.clone() });
        let submission = |rollout: &Rollout| Submission {
            id: format!("{name}/{}", rollout.index),
            question: Arc::clone(&question),
            // The text of the sampled ids.
            response: rollout.text.clone(),
            finish: rollout.finish,
        };
        let judgements = self.verifiers.judge(rollouts.iter().map(submission).collect()).await?;
        let graded = rollouts.into_iter().zip(judgements);
        let graded: Vec<GradedRollout> =
            graded.map(|(rollout, judgement)| GradedRollout { rollout, judgement }).collect();
        tell_given_up(name, &graded);
        Ok(graded)
    }
}

fn rollout(text: &Text, index: u32, sampled: Sampled, version: WeightVersion) -> Result<Rollout> {
    let Sampled { tokens, logprobs, finish, .. } = sampled;
    let text = text.decode(&tokens)?;
    Ok(Rollout { index, tokens, logprobs, text, finish, version })
}

/// Says that responses have no verdict, and why the first of them has none.
fn tell_given_up(name: &str, graded: &[GradedRollout]) {
    let mut given_up = graded.iter().filter(|graded| graded.verdict() == Verdict::Timeout);
    let Some(first) = given_up.next() else { return };
    let (count, of) = (1 + given_up.count(), graded.len());
    let reason = first.judgement.reason.as_deref().unwrap_or("the verifier gave up");
    tracing::warn!("{count} of {of} responses of {name} have no verdict, and no reward: {reason}");
}

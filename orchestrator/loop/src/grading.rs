//! Judges sampled responses with the verifiers.
//!
//! Decoding takes milliseconds of a processor and runs on blocking threads, as rules do, so that the
//! task that waits for servers is never delayed. Programs and services are waited for
//! asynchronously.

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

/// A judge of responses.
#[derive(Clone)]
pub struct Grading {
    text: Arc<Text>,
    verifiers: Arc<Verifiers>,
}

impl Grading {
    /// A judge with this tokenizer and these verifiers.
    pub fn new(text: Arc<Text>, verifiers: Arc<Verifiers>) -> Self {
        Self { text, verifiers }
    }

    /// A judge that extracts answers in another way.
    #[must_use]
    pub fn looking_in(&self, extraction: Extraction) -> Self {
        let verifiers = Arc::new(self.verifiers.looking_in(extraction));
        Self { text: Arc::clone(&self.text), verifiers }
    }

    /// Judges the responses to a problem that the weights of `version` sampled, each with its
    /// position in the group. `name` is the prefix of their ids.
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
        let rollouts = spawn_blocking(decode).await.context("decoding failed")??;
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

/// Warns of responses without a verdict, with the reason of the first.
fn tell_given_up(name: &str, graded: &[GradedRollout]) {
    let mut given_up = graded.iter().filter(|graded| graded.verdict() == Verdict::Timeout);
    let Some(first) = given_up.next() else { return };
    let (count, of) = (1 + given_up.count(), graded.len());
    let reason = first.judgement.reason.as_deref().unwrap_or("the verifier gave up");
    tracing::warn!("{count} of {of} responses of {name} have no verdict, and no reward: {reason}");
}

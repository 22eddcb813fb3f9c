//! Grades of sampled responses.
//!
//! Decoding and grading take milliseconds of a processor. They run on threads of their own, so that
//! the task that waits for servers is never late for the next answer.

use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::{Context as _, Result};
use retrial_data::Task;
use retrial_domain::{FinishReason, GradedRollout, Rollout};
use retrial_grader::{Extraction, Verdict, grade};
use retrial_protocol::WeightVersion;
use retrial_servers::Sampled;
use retrial_text::Text;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Grades responses, as many groups at once as there are processors.
pub struct Grading {
    text: Arc<Text>,
    processors: Semaphore,
}

impl Grading {
    /// Decodes responses with this tokenizer.
    pub fn new(text: Arc<Text>) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self { text, processors: Semaphore::new(processors) }
    }

    /// Grades the responses to a problem that the weights of `version` sampled, each with its
    /// position in the group.
    pub async fn grade(
        &self,
        task: &Arc<Task>,
        sampled: Vec<(u32, Sampled)>,
        version: WeightVersion,
        extraction: Extraction,
    ) -> Result<Vec<GradedRollout>> {
        let _processor = self.processors.acquire().await.context("grading has ended")?;
        let (text, task) = (Arc::clone(&self.text), Arc::clone(task));
        let grades = move || {
            sampled
                .into_iter()
                .map(|(index, sampled)| graded(&text, &task, index, sampled, version, extraction))
                .collect()
        };
        spawn_blocking(grades).await.context("grading broke off")?
    }
}

/// Grades a response by its text, which is the text of the sampled ids.
fn graded(
    text: &Text,
    task: &Task,
    index: u32,
    sampled: Sampled,
    version: WeightVersion,
    extraction: Extraction,
) -> Result<GradedRollout> {
    let Sampled { tokens, logprobs, finish, .. } = sampled;
    let text = text.decode(&tokens)?;
    let (verdict, answer) = match finish {
        // A response that was cut has not answered, whatever it boxed on its way.
        FinishReason::Length => (Verdict::NoAnswer, None),
        FinishReason::Stop => {
            let grade = grade(&task.gold, &text, extraction);
            (grade.verdict, grade.answer)
        }
    };
    let rollout = Rollout { index, tokens, logprobs, text, finish, version };
    Ok(GradedRollout { rollout, verdict, answer })
}

//! The prompts of a run, as text and token ids.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use retrial_data::Task;
use retrial_lte::{HintKind, SecondTrial, Templates};
use retrial_text::Text;

use crate::model::conversation;

/// A prompt as text and as token ids.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The user message.
    pub text: String,
    /// Token ids, including chat template and earlier messages.
    pub ids: Vec<u32>,
}

/// Makes prompts.
#[derive(Clone)]
pub struct Prompts {
    /// The tokenizer and the chat template.
    pub text: Arc<Text>,
    /// The templates.
    pub templates: Templates,
    /// Limit on a hinted prompt, tokens. It leaves room for a response in the model's context.
    pub longest: usize,
}

impl Prompts {
    /// The un-hinted prompt of a problem.
    pub fn plain(&self, task: &Task) -> Result<Prompt> {
        self.prompt(task, HintKind::Plain, &[])
    }

    /// The prompt of a second trial, with as many of its answers as fit.
    pub fn hinted(&self, task: &Task, mut trial: SecondTrial) -> Result<(SecondTrial, Prompt)> {
        loop {
            let prompt = self.prompt(task, trial.kind, &trial.answers)?;
            if prompt.ids.len() <= self.longest {
                return Ok((trial, prompt));
            }
            trial = trial.shortened().with_context(|| {
                format!("the prompt of problem {} is longer than the context", task.problem.id)
            })?;
        }
    }

    fn prompt(&self, task: &Task, kind: HintKind, answers: &[String]) -> Result<Prompt> {
        let Task { problem, context, .. } = task;
        let text = self.templates.render(kind, &problem.text, answers);
        let ids = self
            .text
            .conversation(&conversation(context, text.clone()))
            .with_context(|| format!("the prompt of problem {}", problem.id))?;
        Ok(Prompt { text, ids })
    }
}

//! The prompts of a run: problems in the words of the templates, as token ids.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use retrial_domain::Problem;
use retrial_lte::{HintKind, SecondTrial, Templates};
use retrial_text::Text;

/// A prompt as text and as token ids.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The user message.
    pub text: String,
    /// Token ids, chat template included.
    pub ids: Vec<u32>,
}

/// Writes prompts.
#[derive(Clone)]
pub struct Prompts {
    /// The tokenizer and the chat template.
    pub text: Arc<Text>,
    /// The words.
    pub templates: Templates,
    /// Longest prompt that leaves room for a response in the model's context, tokens.
    pub longest: usize,
}

impl Prompts {
    /// The un-hinted prompt of a problem.
    pub fn plain(&self, problem: &Problem) -> Result<Prompt> {
        self.prompt(problem, HintKind::Plain, &[])
    }

    /// The prompt of a second trial, with as many of its answers as there is room for.
    pub fn hinted(
        &self,
        problem: &Problem,
        mut trial: SecondTrial,
    ) -> Result<(SecondTrial, Prompt)> {
        loop {
            let prompt = self.prompt(problem, trial.kind, &trial.answers)?;
            if prompt.ids.len() <= self.longest {
                return Ok((trial, prompt));
            }
            trial = trial.shortened().with_context(|| {
                format!("the prompt of problem {} is longer than the context", problem.id)
            })?;
        }
    }

    fn prompt(&self, problem: &Problem, kind: HintKind, answers: &[String]) -> Result<Prompt> {
        let text = self.templates.render(kind, &problem.text, answers);
        let ids = self
            .text
            .prompt(&text)
            .with_context(|| format!("the prompt of problem {}", problem.id))?;
        Ok(Prompt { text, ids })
    }
}

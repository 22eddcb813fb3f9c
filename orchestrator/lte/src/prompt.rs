//! The words of the prompts.
//!
//! The sentences are those of the paper's figures; what separates them, a line break here, is our
//! choice. All of it is configuration.

use serde::{Deserialize, Serialize};

use crate::HintKind;

const PROBLEM: &str = "{problem}";
const ANSWERS: &str = "{answers}";

/// The four prompts. `{problem}` stands for the problem, `{answers}` for the wrong answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Templates {
    /// The ordinary prompt: the one that every response is trained against.
    pub prompt: String,
    /// Asks for a concise answer.
    pub concise: String,
    /// Lists wrong answers.
    pub hint: String,
    /// Lists wrong answers and asks for a concise answer.
    pub concise_hint: String,
    /// What stands between two answers of the list.
    pub answer_separator: String,
}

impl Default for Templates {
    fn default() -> Self {
        let hint = "{problem}\nHint: possible incorrect answers include {answers}.\n\
                    Do not use or mention the hint explicitly in any of your intermediate steps. ";
        let think = |how: &str| {
            format!("Let's think {how} and output the final answer within \\boxed{{}}.")
        };
        Self {
            prompt: format!("{PROBLEM}\n{}", think("step by step")),
            concise: format!("{PROBLEM}\n{}", think("concisely")),
            hint: format!("{hint}{}", think("step by step")),
            concise_hint: format!("{hint}{}", think("concisely")),
            answer_separator: ", ".into(),
        }
    }
}

/// A template without one of the places it needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template `{template}` lacks {place}")]
pub struct InvalidTemplate {
    /// The template.
    pub template: &'static str,
    /// What it must contain.
    pub place: &'static str,
}

impl Templates {
    /// Checks that each template has a place for everything it is to show.
    pub fn validate(&self) -> Result<(), InvalidTemplate> {
        let needs = [
            ("prompt", &self.prompt, PROBLEM),
            ("concise", &self.concise, PROBLEM),
            ("hint", &self.hint, PROBLEM),
            ("hint", &self.hint, ANSWERS),
            ("concise_hint", &self.concise_hint, PROBLEM),
            ("concise_hint", &self.concise_hint, ANSWERS),
        ];
        match needs.into_iter().find(|(_, text, place)| !text.contains(place)) {
            Some((template, _, place)) => Err(InvalidTemplate { template, place }),
            None => Ok(()),
        }
    }

    /// The user message of a trial. Nothing inside the problem or the answers is taken for a place.
    pub fn render(&self, kind: HintKind, problem: &str, answers: &[String]) -> String {
        let template = match kind {
            HintKind::Plain => &self.prompt,
            HintKind::Concise => &self.concise,
            HintKind::ConciseHint => &self.concise_hint,
            HintKind::Hint => &self.hint,
        };
        let answers = answers.join(&self.answer_separator);
        let parts = template.split(PROBLEM).map(|part| part.replace(ANSWERS, &answers));
        parts.collect::<Vec<_>>().join(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [HintKind; 4] =
        [HintKind::Plain, HintKind::Concise, HintKind::ConciseHint, HintKind::Hint];

    #[test]
    fn the_default_prompts() {
        let answers = ["12".to_owned(), "\\frac{1}{2}".to_owned()];
        let shown = KINDS.map(|kind| {
            let prompt = Templates::default().render(kind, "What is 6 x 7?", &answers);
            format!("--- {}\n{prompt}", kind.as_str())
        });
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn places_inside_a_problem_or_an_answer_stay_as_they_are() {
        let templates = Templates::default();
        let prompt = templates.render(HintKind::Hint, "Solve {answers}", &["{problem}".into()]);
        assert!(
            prompt.starts_with(
                "Solve {answers}\nHint: possible incorrect answers include {problem}."
            )
        );
    }

    #[test]
    fn a_template_must_show_what_it_is_for() {
        Templates::default().validate().unwrap();
        let no_answers = Templates { hint: "{problem} again".into(), ..Templates::default() };
        let error = no_answers.validate().unwrap_err();
        assert_eq!(error.to_string(), "template `hint` lacks {answers}");
        let no_problem = Templates { prompt: "Think.".into(), ..Templates::default() };
        assert_eq!(no_problem.validate().unwrap_err().template, "prompt");
    }
}

//! `choice`: the letter of the right option, or its text.

use std::sync::LazyLock;

use regex::Regex;
use retrial_domain::Submission;
use retrial_grader::{Answer, Extraction, candidates};

use crate::outcome::{Outcome, answer};
use crate::text::normal;

/// An option in a problem: `(A) text`, `A) text`, `A. text` or `A: text`.
static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|\s)(?:\(([A-Z])\)|([A-Z])[).:])\s").expect("it is a valid expression")
});
/// A letter at the beginning of an answer, or after "the answer is".
static LETTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^(?:(?:the )?(?:correct |right )?(?:answer|option|choice)(?: is)?:?\s*)?[(\[*]*([a-z])(?:[)\]*.:\s]|$)")
        .expect("it is a valid expression")
});

/// The options that a problem lists.
#[derive(Debug, PartialEq)]
pub(crate) struct Options(Vec<(char, String)>);

impl Options {
    /// The options in the text of a problem, from A on.
    pub(crate) fn of(problem: &str) -> Self {
        let mut found: Vec<(char, usize, usize)> = Vec::new();
        for option in OPTION.captures_iter(problem) {
            let (Some(whole), Some(letter)) = (option.get(0), option.get(1).or(option.get(2)))
            else {
                continue;
            };
            let letter = letter.as_str().as_bytes()[0] as char;
            // A letter out of order belongs to the text of an option; a new A begins another list.
            if letter == 'A' {
                found.clear();
            }
            if usize::from(letter as u8 - b'A') == found.len() {
                found.push((letter, whole.start(), whole.end()));
            }
        }
        let ends = found.iter().skip(1).map(|&(_, start, _)| start).chain([problem.len()]);
        let text = |(&(letter, _, from), to): (&(char, usize, usize), usize)| {
            // The last option ends with its line.
            let text = problem[from.min(to)..to].trim();
            (letter, normal(text.lines().next().unwrap_or_default().trim_end_matches([',', ';'])))
        };
        Self(found.iter().zip(ends).map(text).collect())
    }

    /// The letter of the option that a text chooses.
    fn letter(&self, text: &str) -> Option<char> {
        let plain = normal(text);
        if let Some((letter, _)) = self.0.iter().find(|(_, option)| *option == plain) {
            return Some(*letter);
        }
        let letter = LETTER.captures(&plain)?[1].chars().next()?.to_ascii_uppercase();
        let known = self.0.is_empty() || self.0.iter().any(|&(option, _)| option == letter);
        known.then_some(letter)
    }
}

/// The letters of the options that a problem lists; none if it lists fewer than two.
pub fn letters(problem: &str) -> Vec<String> {
    let Options(options) = Options::of(problem);
    let several = options.len() > 1;
    options.into_iter().filter(|_| several).map(|(letter, _)| letter.to_string()).collect()
}

pub(super) fn decide(submission: &Submission, extraction: Extraction) -> Outcome {
    let problem = &submission.question.problem;
    let options = Options::of(&problem.text);
    let texts = match candidates(&submission.response, extraction) {
        Ok(texts) => texts,
        Err(reason) => return Outcome::no_answer(reason.as_str()),
    };
    let Some(gold) = options.letter(&problem.answer) else {
        // An option that is neither a letter nor listed, such as yes or no.
        let right = texts.iter().find(|text| normal(text) == normal(&problem.answer));
        return Outcome::passed(right.is_some(), answer(right.unwrap_or(&texts[0])));
    };
    match texts.iter().find_map(|text| Some((text, options.letter(text)?))) {
        Some((text, letter)) => {
            let answer = Answer { canonical: letter.to_string(), ..answer(text) };
            Outcome::passed(letter == gold, answer)
        }
        None => Outcome::unparsed(answer(&texts[0]), "it is not one of the options"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::exact::tests::to;

    const PROBLEM: &str = "Which is a metal?\nA) Sulphur\nB) Iron\nC) Vitamin C. is none\nD) Neon";

    #[test]
    fn options_are_found_on_lines_and_in_them() {
        let inline = "Which is a metal? (A) Sulphur (B) Iron (C) Argon";
        assert_eq!(Options::of(inline).0[1], ('B', "iron".into()));
        assert_eq!(Options::of(PROBLEM).0.len(), 4);
        assert_eq!(Options::of("A plan. B) is not the first").0, []);
    }

    #[test]
    fn by_letter_or_by_text() {
        for (gold, response, passes) in [
            ("B", r"\boxed{B}", Some(true)),
            ("B", r"\boxed{\text{(B) Iron}}", Some(true)),
            ("B", r"\boxed{iron}", Some(true)),
            ("Iron", r"\boxed{b}", Some(true)),
            ("B", r"\boxed{A}", Some(false)),
            ("B", r"\boxed{Option C}", Some(false)),
            ("B", r"\boxed{E}", None),
            ("B", r"\boxed{tin}", None),
        ] {
            let outcome = decide(&to(PROBLEM, gold, response), Extraction::Boxed);
            let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
            assert_eq!(decision.reward, passes.unwrap_or(false).into(), "{response}");
            assert_eq!(decision.unparsed, passes.is_none(), "{response}");
        }
    }

    #[test]
    fn yes_and_no_are_choices_too() {
        for (response, passes) in [(r"\boxed{No}", true), (r"\boxed{yes}", false)] {
            let outcome = decide(&to("Is it prime?", "no", response), Extraction::Boxed);
            let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
            assert_eq!(decision.reward, passes.into(), "{response}");
        }
    }
}

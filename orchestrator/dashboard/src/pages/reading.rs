//! How the grader read a rollout's answer and the right one, and why they are equal or not.

use maud::{Markup, html};
use retrial_grader::{Gold, Policy, Verdict, explain_answer};
use retrial_report::text::{self, Shown};

/// Bytes of markup that an explanation may take.
const MOST: usize = 1_500;

/// The explanation of a verdict, folded; nothing if there is no answer to explain.
pub fn reading(right: &str, answer: Option<&str>, logged: Verdict) -> Markup {
    let explained = answer.zip(Gold::parse(right).ok());
    html! {
        @if let Some((answer, gold)) = explained {
            @let explanation = explain_answer(&gold, answer, Policy::Strict);
            @let Shown { markup, .. } = text::shown(&explanation.to_string(), MOST);
            details.reading {
                summary { "How the grader read it: " (explanation.grade.reason.as_str()) }
                pre.text dir="auto" { (markup) }
                // Another version of the grader, or other rules, wrote the log.
                @if explanation.grade.verdict != logged {
                    p.when { "The log says: " (logged.as_str().replace('_', " ")) "." }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_and_the_reason_are_shown() {
        let shown = reading(r"\frac{1}{2}", Some(r"50\%"), Verdict::Correct).into_string();
        for part in ["a quotient", "a percentage", "same canonical form", "canonical form 1/2"] {
            assert!(shown.contains(part), "{part} is missing in {shown}");
        }
        assert!(!shown.contains("The log says"), "{shown}");
    }

    #[test]
    fn a_verdict_that_the_log_has_otherwise_is_named() {
        let shown = reading("1", Some("2"), Verdict::Timeout).into_string();
        assert!(shown.contains("The log says: timeout."), "{shown}");
        assert!(shown.contains("different value"), "{shown}");
    }

    #[test]
    fn without_an_answer_there_is_nothing_to_explain() {
        assert_eq!(reading("1", None, Verdict::NoAnswer).into_string(), "");
    }
}

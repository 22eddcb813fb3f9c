//! Which answers to a problem are equal: those that the verifier gave one normal form, and those that
//! the grader takes for equal as mathematics.

use std::collections::HashMap;

use retrial_grader::Answer;

/// The normal forms of answers, by their texts.
#[derive(Clone, Debug, Default)]
pub struct Equality(HashMap<String, String>);

impl Equality {
    /// Learns the normal forms of answers.
    pub fn learn<'a>(&mut self, answers: impl IntoIterator<Item = &'a Answer>) {
        let forms = answers.into_iter().map(|Answer { text, canonical }| (text, canonical));
        self.0.extend(forms.map(|(text, canonical)| (text.clone(), canonical.clone())));
    }

    /// Whether two answers are equal. One that was never learned is its own normal form.
    pub fn equal(&self, a: &str, b: &str) -> bool {
        self.form(a) == self.form(b) || retrial_grader::equivalent(a, b)
    }

    fn form<'a>(&'a self, answer: &'a str) -> &'a str {
        self.0.get(answer).map_or(answer, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_equal_to_its_letter() {
        let answer =
            |text: &str, canonical: &str| Answer { text: text.into(), canonical: canonical.into() };
        let mut equality = Equality::default();
        equality.learn(&[answer("Iron", "B"), answer("option b", "B")]);
        assert!(equality.equal("Iron", "B") && equality.equal("Iron", "option b"));
        assert!(!equality.equal("Iron", "Neon"));
        assert!(equality.equal("0.5", r"\frac{1}{2}"), "as mathematics");
    }
}

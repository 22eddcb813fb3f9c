//! `number`: a number close enough to the gold answer.

use std::sync::LazyLock;

use regex::Regex;
use retrial_domain::Submission;
use retrial_grader::{Extraction, candidates};

use crate::outcome::{Outcome, answer};

/// A number, a quotient of two, or a number times a power of ten, at the beginning of a text.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([-+]?(?:\d[\d,_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?:\s*/\s*(\d+(?:\.\d+)?))?")
        .expect("it is a valid expression")
});
static FRACTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}").expect("it is a valid expression")
});
static POWER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\s*(?:\\times|\\cdot|×|\*)\s*10\s*(?:\^|\*\*)\s*\{?([-+]?\d+)\}?")
        .expect("it is a valid expression")
});

pub(super) fn decide(submission: &Submission, extraction: Extraction, tolerance: f64) -> Outcome {
    let gold = &submission.question.problem.answer;
    let Some(gold) = read(gold) else {
        return Outcome::Unverified(format!("the gold answer `{gold}` is not a number"));
    };
    let texts = match candidates(&submission.response, extraction) {
        Ok(texts) => texts,
        Err(reason) => return Outcome::no_answer(reason.as_str()),
    };
    let found = texts.iter().find_map(|text| Some((text, read(text)?)));
    let Some((text, number)) = found else {
        return Outcome::unparsed(answer(&texts[0]), "it is no number");
    };
    let mut answer = answer(text);
    answer.canonical = number.to_string();
    Outcome::passed((number - gold).abs() <= tolerance * gold.abs().max(1.0), answer)
}

/// The number at the beginning of a text, after a currency sign and the like.
pub(super) fn read(text: &str) -> Option<f64> {
    let text = text.replace('−', "-");
    let text = FRACTION.replace_all(&text, "$1/$2");
    let text = POWER.replace_all(&text, "e$1");
    let text = text.trim_start_matches(['$', '€', '£', '\\', '(', '[', ' ', '=', '≈']);
    let found = NUMBER.captures(text)?;
    let plain = |text: &str| text.replace([',', '_'], "").parse::<f64>().ok();
    let number = plain(&found[1])?;
    let number = match found.get(2) {
        Some(divisor) => number / plain(divisor.as_str())?,
        None => number,
    };
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::exact::tests::submission;

    #[test]
    fn numbers_as_people_write_them() {
        for (text, expected) in [
            ("42", Some(42.0)),
            ("-1,234.5 km", Some(-1234.5)),
            ("$ 3.50", Some(3.5)),
            (r"\frac{1}{4}", Some(0.25)),
            ("3 / 4", Some(0.75)),
            (r"6.02 \times 10^{23}", Some(6.02e23)),
            ("1e-3", Some(0.001)),
            ("−7", Some(-7.0)),
            ("1/0", None),
            ("about", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn the_tolerance_is_a_share_of_the_gold_number() {
        for (gold, response, tolerance, passes) in [
            ("1000", r"\boxed{1009}", 0.01, true),
            ("1000", r"\boxed{1011}", 0.01, false),
            ("0.5", r"\boxed{0.505}", 0.01, true),
            ("3", r"\boxed{3}", 0.0, true),
        ] {
            let outcome = decide(&submission(gold, response), Extraction::Boxed, tolerance);
            let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
            assert_eq!(decision.reward, passes.into(), "{gold} {response}");
        }
    }
}

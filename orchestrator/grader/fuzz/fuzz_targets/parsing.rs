//! Any answer: it parses or not, and one that parses equals itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retrial_grader::{Gold, Verdict, grade_answer};

fuzz_target!(|text: &str| {
    if let Ok(gold) = Gold::parse(text)
        && !text.contains("box")
    {
        let grade = grade_answer(&gold, gold.answer());
        assert_ne!(grade.verdict, Verdict::Wrong, "{text:?}: {}", grade.reason);
    }
});

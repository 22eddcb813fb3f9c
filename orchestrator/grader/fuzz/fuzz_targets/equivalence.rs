//! Any two answers: comparing them ends within its budget.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use retrial_grader::{Gold, grade_answer};

fuzz_target!(|pair: (&str, &str)| {
    if let Ok(gold) = Gold::parse(pair.0) {
        let start = Instant::now();
        grade_answer(&gold, pair.1);
        // The sanitiser makes everything some ten times slower.
        assert!(start.elapsed().as_secs() < 2, "{pair:?}");
    }
});

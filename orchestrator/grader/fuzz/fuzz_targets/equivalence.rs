//! Any two answers: comparing them ends, which the fuzzer's own `-timeout` watches.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retrial_grader::{Gold, grade_answer};

fuzz_target!(|pair: (&str, &str)| {
    if let Ok(gold) = Gold::parse(pair.0) {
        grade_answer(&gold, pair.1);
    }
});

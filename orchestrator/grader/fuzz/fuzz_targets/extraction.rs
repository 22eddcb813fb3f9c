//! Any response: the answer is found or not, in linear time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use retrial_grader::{Extraction, Gold, grade};

fuzz_target!(|response: &str| {
    for gold in ["42", "C", "\\text{no solution}", "(1,2)"] {
        let gold = Gold::parse(gold).expect("a gold answer");
        for extraction in Extraction::ALL {
            grade(&gold, response, extraction);
        }
    }
});

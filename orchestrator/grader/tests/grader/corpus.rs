//! What fuzzing has found: the inputs of `fuzz/corpus`, each graded once more.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use retrial_grader::{Extraction, Gold, grade, grade_answer};

#[test]
fn inputs_that_fuzzing_found_get_a_verdict() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let fixed = Gold::parse("42").unwrap();
    let mut inputs = 0;
    for target in ["extraction", "parsing", "equivalence"] {
        for entry in fs::read_dir(corpus.join(target)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let start = Instant::now();
            grade(&fixed, &text, Extraction::Auto);
            if let Ok(gold) = Gold::parse(&text) {
                grade_answer(&gold, &text);
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{}", path.display());
            inputs += 1;
        }
    }
    assert!(inputs > 100, "the corpus is missing");
}

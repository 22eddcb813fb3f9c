//! What fuzzing has found, and what it began with: the inputs of `corpus/`, each taken or refused
//! once more.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use retrial_fuzz::TARGETS;

#[test]
fn inputs_that_fuzzing_found_are_taken_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let (mut taken, mut refused) = (0, 0);
        for entry in fs::read_dir(corpus.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            let clock = Instant::now();
            // The test's output names the input that it did not get over.
            println!("{}", path.display());
            if target(&input) {
                taken += 1;
            } else {
                refused += 1;
            }
            assert!(clock.elapsed() < Duration::from_secs(10), "{}", path.display());
        }
        assert!(taken > 0 && refused > 0, "{name}: {taken} taken, {refused} refused");
    }
}

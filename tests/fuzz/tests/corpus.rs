//! Findings of fuzzing and its seeds: the inputs of `corpus/`, each accepted or rejected
//! again.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use retrial_fuzz::TARGETS;

#[test]
fn inputs_that_fuzzing_found_are_taken_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in TARGETS {
        let archive = corpus.join(name).with_extension("tar");
        let inputs = tempfile::tempdir().unwrap();
        let mut unpack = Command::new("tar");
        unpack.arg("-xf").arg(&archive).arg("-C").arg(inputs.path());
        assert!(unpack.status().unwrap().success(), "{} cannot be unpacked", archive.display());
        let (mut taken, mut refused) = (0, 0);
        for entry in fs::read_dir(inputs.path()).unwrap() {
            let entry = entry.unwrap();
            let input = fs::read(entry.path()).unwrap();
            let clock = Instant::now();
            // The test's output names the input that failed.
            let named = format!("{} of {}", entry.file_name().display(), archive.display());
            println!("{named}");
            if target(&input) {
                taken += 1;
            } else {
                refused += 1;
            }
            assert!(clock.elapsed() < Duration::from_secs(10), "{named}");
        }
        assert!(taken > 0 && refused > 0, "{name}: {taken} taken, {refused} refused");
    }
}

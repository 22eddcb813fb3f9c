//! A data set on the hub, here in its cache.

use retrial_data::{DataSet, Request, Sources, Split};

use super::{Folder, cache, fits, request};

#[test]
fn a_data_set_of_the_hub_is_named_with_its_commit() {
    let folder = Folder::new();
    let root = "datasets--ann--sums";
    folder.write(&format!("{root}/refs/main"), "c0ffee");
    for (split, answer) in [("train", 42), ("test", 43)] {
        let row = format!("{{\"question\": \"{split}?\", \"answer\": \"So.\\n#### {answer}\"}}");
        folder.write(&format!("{root}/snapshots/c0ffee/main/{split}.jsonl"), row);
    }
    let settings = cache(folder.0.path());
    let load = |source: &str, split| {
        let sources = Sources::one(source);
        DataSet::load(&Request { split, ..request(&sources) }, &settings, fits)
    };
    let set = load("hf://datasets/ann/sums", Split::Train).unwrap();
    assert_eq!(set.task(0).problem.answer, "42");
    let file = &set.report().files[0].file;
    assert_eq!(file, "hf://datasets/ann/sums@c0ffee/main/train.jsonl");
    assert_eq!(load("hf://datasets/ann/sums", Split::Test).unwrap().task(0).problem.answer, "43");
    let named = load("hf://datasets/ann/sums/main/test", Split::Train).unwrap();
    assert_eq!(named.task(0).problem.answer, "43");
    let error = load("hf://datasets/ann/other", Split::Train).unwrap_err().to_string();
    assert!(error.contains("HF_HUB_OFFLINE is set\nhint:"), "{error}");
    let error = load("hf://datasets/ann/sums/mian", Split::Train).unwrap_err().to_string();
    assert!(error.contains("split `mian`\nhint: it has main/test.jsonl"), "{error}");
}

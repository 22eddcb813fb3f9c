//! The versions that updates write to disk, and how a trainer continues from them.

use std::path::Path;

use retrial_protocol::{ScoreRequest, WeightVersion};
use retrial_trainer::compute::{Compute, Keep, Precision};
use retrial_trainer::export;
use retrial_trainer::model::Decoder;
use retrial_trainer::trainer::{Trainer, TrainerError};
use retrial_trainer::versions::room;
use tch::{Device, Kind};
use tempfile::tempdir;

use crate::common::{base, batch, likelihood, open, request, weights};

/// The content of a folder of versions, except the lock.
fn versions(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "trainer.lock")
        .collect();
    names.sort();
    names
}

#[test]
fn going_on_from_disk_is_going_on() {
    let (whole, broken) = (tempdir().unwrap(), tempdir().unwrap());
    let mut trainer = open(whole.path());
    let batches = [batch(&trainer), batch(&trainer)];
    for (step, batch) in (1..).zip(&batches) {
        trainer.train(&request(step, batch.clone())).unwrap();
        open(broken.path()).train(&request(step, batch.clone())).unwrap();
    }
    for file in ["model.safetensors", "trainer/optimizer.safetensors"] {
        let read = |folder: &Path| std::fs::read(folder.join("v000002").join(file)).unwrap();
        assert!(read(whole.path()) == read(broken.path()), "{file}");
    }
}

#[test]
fn a_step_is_taken_once_and_in_order() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let first = batch(&trainer);
    let report = trainer.train(&request(1, first.clone())).unwrap();
    let taken = weights(&report.folder);

    // The answer was lost, or the trainer was restarted: the same request changes nothing.
    assert_eq!(trainer.train(&request(1, first.clone())).unwrap(), report);
    drop(trainer);
    let mut trainer = open(folder.path());
    assert_eq!(trainer.train(&request(1, first.clone())).unwrap(), report);
    assert!(weights(&report.folder) == taken);

    let mut other = first.clone();
    other.samples[0].advantage = 0.1;
    let error = trainer.train(&request(1, other)).unwrap_err();
    assert_eq!(error.to_string(), "step 1 was taken already, on another batch");
    let error = trainer.train(&request(4, first)).unwrap_err();
    assert!(matches!(error, TrainerError::OutOfOrder { .. }));
    let expected = "step 4 starts from version 3, the trainer is at version 1";
    assert!(error.to_string().starts_with(expected), "{error}");
}

#[test]
fn a_failed_update_leaves_the_last_version_in_place() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let sound = batch(&trainer);
    let before = likelihood(&trainer, &sound.samples[1]);

    let mut bad = sound.clone();
    bad.samples[2].response[0] = 67;
    let error = trainer.train(&request(1, bad)).unwrap_err().to_string();
    assert_eq!(error, "sample 2 of the batch has token id 67, the vocabulary has 67");

    let mut wild = request(1, sound.clone());
    wild.optimizer.learning_rate = 1e30;
    let error = trainer.train(&wild).unwrap_err().to_string();
    assert!(error.contains("is not finite"), "{error}");

    assert_eq!(trainer.state().version, WeightVersion(0));
    assert_eq!(likelihood(&trainer, &sound.samples[1]), before);
    assert_eq!(versions(folder.path()), ["v000000"]);
    trainer.train(&request(1, sound)).unwrap();
}

#[test]
fn old_versions_and_leftovers_are_dropped() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let batch = batch(&trainer);
    for step in 1..=4 {
        trainer.train(&request(step, batch.clone())).unwrap();
    }
    assert_eq!(versions(folder.path()), ["v000002", "v000003", "v000004"]);
    // A process that was killed while writing leaves this.
    std::fs::create_dir(folder.path().join(".v000005.tmp")).unwrap();
    drop(trainer);
    let trainer = open(folder.path());
    assert_eq!(trainer.state().version, WeightVersion(4));
    assert_eq!(versions(folder.path()), ["v000002", "v000003", "v000004"]);
}

#[test]
fn a_version_is_a_model_folder() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let batch = batch(&trainer);
    let report = trainer.train(&request(1, batch)).unwrap();
    let config = |folder: &Path| std::fs::read(folder.join("config.json")).unwrap();
    assert_eq!(config(&report.folder), config(&base()));
    let text = weights(&report.folder);
    let header = String::from_utf8_lossy(&text[8..200]);
    assert!(header.contains(r#""format":"pt""#), "transformers asks for it: {header}");
}

#[test]
fn bf16_learns_in_f32_and_goes_on_from_disk() {
    let compute = Compute { kind: Kind::BFloat16, keep: Keep::Inputs, ..Compute::default() };
    let (whole, broken) = (tempdir().unwrap(), tempdir().unwrap());
    let open = |folder: &Path| Trainer::open(&base(), folder, 3, None, compute, None).unwrap();
    let mut trainer = open(whole.path());
    let batches = [batch(&trainer), batch(&trainer)];
    for (step, batch) in (1..).zip(&batches) {
        trainer.train(&request(step, batch.clone())).unwrap();
        open(broken.path()).train(&request(step, batch.clone())).unwrap();
    }
    let read =
        |folder: &Path, file: &str| std::fs::read(folder.join("v000002").join(file)).unwrap();
    let files =
        ["model.safetensors", "trainer/weights.safetensors", "trainer/optimizer.safetensors"];
    for file in files {
        assert!(read(whole.path(), file) == read(broken.path(), file), "{file}");
    }
    // Servers get half the bytes.
    let sizes = [0, 1].map(|index| read(whole.path(), files[index]).len() as f64);
    assert!((sizes[0] / sizes[1] - 0.5).abs() < 0.05, "{sizes:?}");
}

#[test]
fn a_full_disk_is_seen_before_anything_is_written() {
    let folder = tempdir().unwrap();
    let error = room(folder.path(), u64::MAX).unwrap_err().to_string();
    assert!(error.contains("the disk has") && error.contains("hint: make room"), "{error}");
    room(folder.path(), 1).unwrap();
}

#[test]
fn a_version_is_exported_as_a_plain_model() {
    let compute = Compute { kind: Kind::BFloat16, ..Compute::default() };
    let folder = tempdir().unwrap();
    let mut trainer = Trainer::open(&base(), folder.path(), 3, None, compute, None).unwrap();
    let batch = batch(&trainer);
    let version = trainer.train(&request(1, batch)).unwrap().folder;
    for (precision, masters) in [(Precision::F32, true), (Precision::Bf16, false)] {
        let out = folder.path().join(format!("{precision:?}"));
        let args = export::Args { version: version.clone(), out: out.clone(), precision };
        let model = export::open(&args).unwrap();
        export::write(&model, &version, &out, precision.kind()).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["config.json", "model.safetensors"]);
        let exported = Decoder::load(&out, Device::Cpu).unwrap();
        for ((name, a), (_, b)) in model.parameters().iter().zip(exported.parameters()) {
            let error = (a - b).abs().max().double_value(&[]);
            let largest = a.abs().max().double_value(&[]);
            assert!(error <= if masters { 0.0 } else { 0.004 * largest }, "{name}");
        }
        let error = export::open(&args).err().unwrap().to_string();
        assert!(error.contains("exists and is not empty"), "{error}");
    }
}

#[test]
fn an_older_version_scores_as_it_did_when_it_was_the_latest() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let batch = batch(&trainer);
    let sample = batch.samples[0].clone();
    let sequence: Vec<u32> = sample.prompt.iter().chain(&sample.response).copied().collect();
    let score = |trainer: &Trainer, version| {
        let sequences = vec![sequence.clone()];
        trainer.score(&ScoreRequest { sequences, temperature: 0.7, version })
    };
    let first = score(&trainer, None).unwrap();
    trainer.train(&request(1, batch)).unwrap();
    let second = score(&trainer, Some(WeightVersion(1))).unwrap();
    assert_ne!(first.logprobs, second.logprobs);
    assert_eq!(score(&trainer, Some(WeightVersion(0))).unwrap(), first);
    assert_eq!(score(&trainer, None).unwrap(), second);
    let missing = score(&trainer, Some(WeightVersion(7))).unwrap_err().to_string();
    assert!(missing.contains("version 7 of the weights is not on the trainer's disk"), "{missing}");
}

#[test]
fn a_damaged_latest_version_is_set_aside_until_it_is_made_again() {
    let folder = tempdir().unwrap();
    let mut trainer = open(folder.path());
    let batch = batch(&trainer);
    trainer.train(&request(1, batch.clone())).unwrap();
    let report = trainer.train(&request(2, batch.clone())).unwrap();
    let weights = std::fs::read(report.folder.join("model.safetensors")).unwrap();
    drop(trainer);
    for file in ["config.json", "trainer/record.json", "trainer/optimizer.safetensors"] {
        std::fs::write(report.folder.join(file), "").unwrap();
        let mut trainer = open(folder.path());
        let state = trainer.state();
        assert_eq!((state.version, state.damaged), (WeightVersion(1), Some(WeightVersion(2))));
        assert!(versions(folder.path()).contains(&"v000002.damaged".to_owned()));
        let again = trainer.train(&request(2, batch.clone())).unwrap();
        assert_eq!((&again.batch, trainer.state().damaged), (&report.batch, None), "{file}");
        assert_eq!(std::fs::read(again.folder.join("model.safetensors")).unwrap(), weights);
        assert!(!versions(folder.path()).contains(&"v000002.damaged".to_owned()));
    }
}

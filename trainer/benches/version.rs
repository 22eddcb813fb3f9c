//! The time of a weight version (write, flush, rename) compared with writing the same bytes directly.
//!
//! `cargo bench -p retrial-trainer --profile dev --bench version`

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use retrial_protocol::WeightVersion;
use retrial_trainer::compute::Compute;
use retrial_trainer::model::{Decoder, write_tensors};
use retrial_trainer::update::Learner;
use retrial_trainer::versions::{Record, Versions};
use serde_json::json;
use tch::{Device, Kind};

const ROUNDS: u64 = 5;

fn main() {
    // Not a temporary folder: that may be in memory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = tempfile::tempdir_in(target).expect("a folder");
    let base = folder.path().join("base");
    make_model(&base);
    let model = Decoder::load(&base, Device::Cpu).expect("the model loads");
    let learner = Learner::new(model, Compute::default());
    let versions = folder.path().join("versions");
    let versions =
        Versions::open(&versions, &base, 1, Compute::default(), None).expect("a version 0");

    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for round in 1..=ROUNDS {
        // With the optimizer's moments, as after a step.
        let version = WeightVersion(round);
        let record = Record { version, optimizer_steps: round, ..Record::default() };
        let clock = Instant::now();
        let written = versions.save(&learner, &record, &base, None).expect("the disk has room");
        ours.push(clock.elapsed().as_secs_f64());

        let files: Vec<Vec<u8>> = ["model.safetensors", "trainer/optimizer.safetensors"]
            .map(|name| fs::read(written.join(name)).expect("it was written"))
            .into();
        bytes = files.iter().map(Vec::len).sum();
        let clock = Instant::now();
        plainly(folder.path(), &files);
        plain.push(clock.elapsed().as_secs_f64());
    }
    let (ours, plain) = (median(ours), median(plain));
    println!(
        "a version of {:.0} MB: {ours:.3} s; the same bytes plainly: {plain:.3} s; ratio {:.2}",
        bytes as f64 / 1e6,
        ours / plain
    );
}

/// Writes, flushes and renames a folder of files.
fn plainly(folder: &Path, files: &[Vec<u8>]) {
    let (temporary, done) = (folder.join("temporary"), folder.join("done"));
    let _ = fs::remove_dir_all(&done);
    fs::create_dir(&temporary).expect("a folder");
    for (index, bytes) in files.iter().enumerate() {
        let path = temporary.join(index.to_string());
        fs::write(&path, bytes).expect("the disk has room");
        File::open(&path).and_then(|file| file.sync_all()).expect("the disk answers");
    }
    fs::rename(&temporary, &done).expect("a name");
    File::open(folder).and_then(|folder| folder.sync_all()).expect("the disk answers");
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn make_model(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    let config = json!({
        "model_type": "qwen3", "vocab_size": 32_000, "hidden_size": 512,
        "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8,
        "num_key_value_heads": 4, "head_dim": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "max_position_embeddings": 1024, "tie_word_embeddings": true
    });
    fs::write(folder.join("config.json"), config.to_string()).expect("the disk has room");
    let model = Decoder::fresh(folder, 1, Device::Cpu).expect("the configuration is valid");
    write_tensors(&folder.join("model.safetensors"), model.parameters(), Kind::Float)
        .expect("the disk has room");
}

//! Low-rank adapters: against PEFT (`reference/adapter.py` made the numbers), and as versions.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use retrial_protocol::{
    Kl, KlEstimator, Lora, Sample, ScoreRequest, Target, TrainRequest, VersionKind,
};
use retrial_trainer::compute::{Compute, Keep, Precision};
use retrial_trainer::export;
use retrial_trainer::model::lora::{self, NewAdapter};
use retrial_trainer::model::{Decoder, read_named};
use retrial_trainer::trainer::Trainer;
use retrial_trainer::update::forward_backward::{Pass, score};
use retrial_trainer::update::gradients::Gradients;
use retrial_trainer::update::sequences::Sequence;
use serde_json::Value;
use tch::{Device, Kind, Tensor};
use tempfile::{TempDir, tempdir};

use crate::common::{base, batch, open, reference, request};

fn new_adapter() -> NewAdapter {
    let targets = vec![Target::QProj, Target::VProj, Target::DownProj];
    NewAdapter { form: Lora { rank: 3, alpha: 6.0, targets }, seed: 5 }
}

fn trainer(folder: &Path, kind: Kind) -> Trainer {
    let compute = Compute { kind, ..Compute::default() };
    Trainer::open(&base(), folder, 3, None, compute, Some(new_adapter())).unwrap()
}

fn fixture() -> PathBuf {
    reference("lora")
}

/// PEFT's adapter, with its model under the path it has here.
fn of_peft() -> TempDir {
    let folder = tempdir().unwrap();
    let text = std::fs::read_to_string(fixture().join("adapter_config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["base_model_name_or_path"] = base().to_str().into();
    std::fs::write(folder.path().join("adapter_config.json"), config.to_string()).unwrap();
    let weights = "adapter_model.safetensors";
    std::fs::copy(fixture().join(weights), folder.path().join(weights)).unwrap();
    folder
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn an_adapter_of_peft_gives_its_scores_and_gradients_merged_or_not() {
    let folder = of_peft();
    let adapter = lora::load(folder.path()).unwrap();
    let names: Vec<_> = adapter.parameters.iter().map(|(name, _)| name.clone()).collect();
    let shapes = adapter.parameters.iter().map(|(_, tensor)| tensor.size());
    let gradients = names.iter().map(|name| format!("gradient.{name}")).zip(shapes);
    let of_tokens = [("ids", 40), ("w", 39), ("logprobs", 39)];
    let layout = of_tokens.map(|(name, length)| (name.to_owned(), vec![1, length]));
    let layout: Vec<_> = layout.into_iter().chain(gradients).collect();
    let expected = read_named(&fixture().join("expected.safetensors"), &layout).unwrap();
    let [ids, w, logprobs] = [0, 1, 2].map(|index: usize| expected[index].get(0));
    let ids: Vec<u32> = Vec::<i64>::try_from(&ids.to_kind(Kind::Int64))
        .unwrap()
        .iter()
        .map(|&id| id as u32)
        .collect();
    let (prompt, response) = ids.split_at(1);
    let sequences = [Sequence { prompt, response }];

    let model = Decoder::load(&base(), Device::Cpu).unwrap().adapted(adapter);
    for (_, parameter) in model.learned() {
        let _ = parameter.set_requires_grad(true);
    }
    for keep in [Keep::Graphs, Keep::Inputs] {
        let pass = Pass::forward(&model, Kind::Float, &sequences, 1.0, keep);
        assert!(largest_difference(&pass.scores.logprobs, &logprobs) < 1e-4);
        let mut gradients = Gradients::new(model.learned().len());
        let Ok(_) = pass.backward(&w, None, &mut gradients, |_, _| Ok::<_, Infallible>(()));
        let found = gradients.finish(model.learned());
        for ((name, found), expected) in names.iter().zip(found).zip(&expected[3..]) {
            let largest = expected.abs().max().double_value(&[]);
            let difference = largest_difference(&found, expected) / largest;
            assert!(difference < 1e-3, "{name}: {difference}");
        }
    }
    // The folder as a model is the two merged.
    let merged = Decoder::load(folder.path(), Device::Cpu).unwrap();
    let scores = score(&merged, Kind::Float, &sequences, 1.0);
    assert!(largest_difference(&scores.logprobs, &logprobs) < 1e-4);
}

#[test]
fn an_adapter_is_written_as_peft_writes_it() {
    let adapter = lora::load(of_peft().path()).unwrap();
    let folder = tempdir().unwrap();
    lora::write(&adapter, folder.path()).unwrap();
    let config = |folder: &Path| -> Value {
        let text = std::fs::read_to_string(folder.join("adapter_config.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let (ours, theirs) = (config(folder.path()), config(&fixture()));
    for (key, value) in ours.as_object().unwrap() {
        match key.as_str() {
            "base_model_name_or_path" => {}
            // A set, in any order.
            "target_modules" => assert_eq!(
                value.as_array().map(Vec::len),
                theirs[key].as_array().map(Vec::len),
                "{theirs}"
            ),
            "lora_alpha" => assert_eq!(value.as_f64(), theirs[key].as_f64()),
            _ => assert_eq!(*value, theirs[key], "{key}"),
        }
    }
    let layout: Vec<_> =
        adapter.parameters.iter().map(|(name, x)| (name.clone(), x.size())).collect();
    let read =
        |folder: &Path| read_named(&folder.join("adapter_model.safetensors"), &layout).unwrap();
    for (a, b) in read(folder.path()).iter().zip(read(&fixture())) {
        assert!(largest_difference(a, &b) == 0.0);
    }
}

fn scores(trainer: &Trainer, sample: &Sample) -> Vec<f32> {
    let sequence = sample.prompt.iter().chain(&sample.response).copied().collect();
    let request = ScoreRequest { sequences: vec![sequence], temperature: 1.0, version: None };
    trainer.score(&request).unwrap().logprobs.remove(0)
}

#[test]
fn a_new_adapter_changes_nothing_and_then_alone_learns() {
    let (folder, whole) = (tempdir().unwrap(), tempdir().unwrap());
    let (mut trainer, whole) = (trainer(folder.path(), Kind::Float), open(whole.path()));
    let batch = batch(&whole);
    for sample in &batch.samples {
        assert_eq!(scores(&trainer, sample), scores(&whole, sample));
    }
    assert_eq!(trainer.state().kind, VersionKind::Adapter);
    assert_eq!(whole.state().kind, VersionKind::Model);

    let sample = batch.samples[1].clone();
    let before: f32 = scores(&trainer, &sample).iter().sum();
    let report = trainer.train(&request(1, batch)).unwrap();
    let after = scores(&trainer, &sample);
    assert!(sample.advantage > 0.0 && after.iter().sum::<f32>() > before);
    trainer.check_files().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(&report.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let expected = ["adapter_config.json", "adapter_model.safetensors", "config.json", "trainer"];
    assert_eq!(files, expected);

    // Exported, it is a plain model that gives the same scores.
    let out = folder.path().join("exported");
    let precision = Precision::F32;
    let args = export::Args { version: report.folder.clone(), out: out.clone(), precision };
    export::write(&export::open(&args).unwrap(), &report.folder, &out, Kind::Float).unwrap();
    assert!(!out.join("adapter_config.json").exists());
    let exported = Decoder::load(&out, Device::Cpu).unwrap();
    let Sample { prompt, response, .. } = &sample;
    let found = score(&exported, Kind::Float, &[Sequence { prompt, response }], 1.0).logprobs;
    let after = Tensor::from_slice(&after[prompt.len() - 1..]);
    assert!(largest_difference(&found, &after) < 1e-4);
}

#[test]
fn an_adapter_goes_on_from_disk() {
    for kind in [Kind::Float, Kind::BFloat16] {
        let (whole, broken, other) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
        let batch = batch(&open(other.path()));
        let mut one = trainer(whole.path(), kind);
        for step in 1..=2 {
            let mut request = request(step, batch.clone());
            request.objective.kl = Some(Kl { coefficient: 0.1, estimator: KlEstimator::K3 });
            let metrics = one.train(&request).unwrap().metrics;
            // The reference is the model without the adapter.
            assert!(if step == 1 {
                metrics.kl.unwrap().abs() < 1e-9
            } else {
                metrics.kl.unwrap() > 0.0
            });
            trainer(broken.path(), kind).train(&request).unwrap();
        }
        for file in ["adapter_model.safetensors", "trainer/optimizer.safetensors"] {
            let read = |folder: &Path| std::fs::read(folder.join("v000002").join(file)).unwrap();
            assert!(read(whole.path()) == read(broken.path()), "{file}");
        }
    }
}

#[test]
fn another_kind_of_weights_is_not_gone_on_from() {
    let folder = tempdir().unwrap();
    let batch = batch(&open(tempdir().unwrap().path()));
    trainer(folder.path(), Kind::Float).train(&request(1, batch)).unwrap();
    let error = |adapter: Option<NewAdapter>| {
        let opened = Trainer::open(&base(), folder.path(), 3, None, Compute::default(), adapter);
        opened.err().unwrap().to_string()
    };
    let found = error(None);
    assert!(found.contains("it is an adapter, whole weights were to be trained"), "{found}");
    let mut other = new_adapter();
    other.form.rank = 4;
    let found = error(Some(other));
    assert!(
        found.contains("one of another form was to be trained") && found.contains("hint:"),
        "{found}"
    );
}

#[test]
fn an_adapter_learns_the_same_however_it_is_cut_and_kept() {
    let update = |micro_batch_tokens: usize, keep: Keep| {
        let folder = tempdir().unwrap();
        let compute = Compute { keep, ..Compute::default() };
        let mut trainer =
            Trainer::open(&base(), folder.path(), 3, None, compute, Some(new_adapter())).unwrap();
        let batch = batch(&trainer);
        let request = TrainRequest { micro_batch_tokens, ..request(1, batch) };
        let metrics = trainer.train(&request).unwrap().metrics;
        (metrics.loss, metrics.grad_norm)
    };
    let (whole, cut) = (update(10_000, Keep::Graphs), update(16, Keep::Inputs));
    assert!((whole.0 - cut.0).abs() < 1e-6 && (whole.1 - cut.1).abs() < 1e-5, "{whole:?} {cut:?}");
}

#[test]
#[ignore = "needs what trainer/fetch-reference.sh installs"]
fn peft_loads_a_version() {
    let folder = tempdir().unwrap();
    let mut trainer = trainer(folder.path(), Kind::Float);
    let batch = batch(&trainer);
    let sample = batch.samples[3].clone();
    let report = trainer.train(&request(1, batch)).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ids = sample.prompt.iter().chain(&sample.response).map(u32::to_string);
    let output = std::process::Command::new(root.join("../.servers/reference/bin/python"))
        .arg(root.join("tests/reference/adapter.py"))
        .arg(&report.folder)
        .args(ids)
        .output()
        .unwrap();
    let found: Vec<f32> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    for (found, ours) in found.iter().zip(scores(&trainer, &sample)) {
        assert!((found - ours).abs() < 1e-4, "{found} {ours}");
    }
}

//! Low-rank adapters on the matrices of a decoder (arXiv 2106.09685), in PEFT's files.
//!
//! An adapter folder has `adapter_config.json`, which names the model it belongs to, and
//! `adapter_model.safetensors`: A `[r, in]` and B `[out, r]` of each adapted matrix, in f32. vLLM
//! and PEFT load it as it is; [`merge`] makes a plain model of it.

use std::fs;
use std::path::{Path, PathBuf};

use retrial_protocol::{Lora, Target};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::files::{has_model, read_exactly, write_tensors};
use super::{ModelConfig, ModelError, init};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// Adapters of a whole model.
pub struct Adapter {
    /// Their form.
    pub form: Lora,
    /// Folder of the model that they belong to.
    pub base: PathBuf,
    /// A and B of each adapted matrix, layer by layer, under PEFT's names.
    pub parameters: Vec<(String, Tensor)>,
}

/// Adapters that are about to be made.
#[derive(Clone, Debug)]
pub struct NewAdapter {
    /// Their form.
    pub form: Lora,
    /// What A follows from.
    pub seed: u64,
}

/// `adapter_config.json`, as far as it says what PEFT, vLLM and this decoder compute.
#[derive(Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the file has them")]
struct Description {
    peft_type: String,
    base_model_name_or_path: PathBuf,
    r: u32,
    lora_alpha: f64,
    target_modules: Vec<Target>,
    #[serde(default)]
    task_type: Option<String>,
    #[serde(default)]
    lora_dropout: f64,
    #[serde(default = "no_bias")]
    bias: String,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    fan_in_fan_out: bool,
    #[serde(default)]
    modules_to_save: Option<Vec<String>>,
    #[serde(default)]
    rank_pattern: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    alpha_pattern: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    inference_mode: bool,
}

fn no_bias() -> String {
    "none".into()
}

/// Whether a folder has an adapter and not a model. One that lies beside a whole model is not heeded.
pub fn is_adapter(folder: &Path) -> bool {
    folder.join(CONFIG).exists() && !has_model(folder)
}

/// Whether a folder has a whole model, and an adapter that is not heeded beside it.
pub fn ignored_adapter(folder: &Path) -> Option<PathBuf> {
    Some(folder.join(CONFIG)).filter(|path| path.exists() && has_model(folder))
}

/// An error if an adapter of this form cannot be put on a model.
pub fn check(config: &ModelConfig, form: &Lora, folder: &Path) -> Result<(), ModelError> {
    let in_mlp = |target| matches!(target, Target::GateProj | Target::UpProj | Target::DownProj);
    if config.experts.is_none() || !form.targets().any(in_mlp) {
        return Ok(());
    }
    Err(ModelError::Invalid {
        path: folder.join("config.json"),
        problem: "adapters on the experts of a mixture are not supported\n\
                  hint: target q_proj, k_proj, v_proj and o_proj only"
            .into(),
    })
}

/// Adapters that change nothing yet: A random, as PEFT makes it, B zero.
pub fn fresh(config: &ModelConfig, new: &NewAdapter, base: &Path) -> Adapter {
    let NewAdapter { form, seed } = new;
    let (names, shapes): (Vec<_>, Vec<_>) = layout(config, form).into_iter().unzip();
    let tensors = init::seeded(seed.cast_signed(), || {
        let of_pair = |pair: &[Vec<i64>]| {
            let options = (Kind::Float, Device::Cpu);
            let bound = 1.0 / (pair[0][1] as f64).sqrt();
            let a = Tensor::empty(pair[0].as_slice(), options).uniform_(-bound, bound);
            [a, Tensor::zeros(pair[1].as_slice(), options)]
        };
        shapes.chunks_exact(2).flat_map(of_pair).collect::<Vec<_>>()
    });
    Adapter {
        form: form.clone(),
        base: base.into(),
        parameters: names.into_iter().zip(tensors).collect(),
    }
}

/// Reads an adapter folder.
pub fn load(folder: &Path) -> Result<Adapter, ModelError> {
    let (form, base) = describe(folder)?;
    let config = ModelConfig::load(&described_in(&base)?)?;
    check(&config, &form, &base)?;
    let layout = layout(&config, &form);
    let tensors = read_exactly(&folder.join(WEIGHTS), &layout)?;
    let names = layout.into_iter().map(|(name, _)| name);
    Ok(Adapter { form, base, parameters: names.zip(tensors).collect() })
}

/// Form and model of the adapter in a folder.
pub fn describe(folder: &Path) -> Result<(Lora, PathBuf), ModelError> {
    let path = folder.join(CONFIG);
    let bytes = fs::read(&path).map_err(|source| ModelError::Io {
        action: "read",
        path: path.clone(),
        source,
    })?;
    let found: Description = serde_json::from_slice(&bytes)
        .map_err(|error| ModelError::Invalid { path: path.clone(), problem: error.to_string() })?;
    let plain = found.peft_type == "LORA"
        && found.bias == "none"
        && !(found.use_rslora || found.use_dora || found.fan_in_fan_out)
        && found.modules_to_save.is_none()
        && found.rank_pattern.is_empty()
        && found.alpha_pattern.is_empty();
    let form = Lora { rank: found.r, alpha: found.lora_alpha, targets: found.target_modules };
    let invalid = |problem: String| ModelError::Invalid { path: path.clone(), problem };
    if !plain {
        return Err(invalid("only plain LoRA of one rank, without biases, is supported".into()));
    }
    form.validate().map_err(|error| invalid(error.to_string()))?;
    Ok((form, found.base_model_name_or_path))
}

/// The folder whose `config.json` describes a model: an adapter has that of its base.
pub fn described_in(folder: &Path) -> Result<PathBuf, ModelError> {
    if is_adapter(folder) { described_in(&describe(folder)?.1) } else { Ok(folder.into()) }
}

/// Writes an adapter folder's two files.
pub fn write(adapter: &Adapter, folder: &Path) -> Result<(), ModelError> {
    let description = Description {
        peft_type: "LORA".into(),
        base_model_name_or_path: adapter.base.clone(),
        r: adapter.form.rank,
        lora_alpha: adapter.form.alpha,
        target_modules: adapter.form.targets().collect(),
        task_type: Some("CAUSAL_LM".into()),
        lora_dropout: 0.0,
        bias: no_bias(),
        use_rslora: false,
        use_dora: false,
        fan_in_fan_out: false,
        modules_to_save: None,
        rank_pattern: serde_json::Map::new(),
        alpha_pattern: serde_json::Map::new(),
        inference_mode: true,
    };
    let path = folder.join(CONFIG);
    let text = serde_json::to_vec_pretty(&description).expect("a description is plain data");
    fs::write(&path, text)
        .and_then(|()| fs::File::open(&path)?.sync_all())
        .map_err(|source| ModelError::Io { action: "write", path, source })?;
    write_tensors(&folder.join(WEIGHTS), &adapter.parameters, Kind::Float)
}

/// Adds `alpha / r * B A` to each adapted matrix of `parameters`, the model's in f32.
pub fn merge(adapter: &Adapter, parameters: &[(String, Tensor)]) {
    let scale = adapter.form.scale();
    tch::no_grad(|| {
        for pair in adapter.parameters.chunks_exact(2) {
            let [(name, a), (_, b)] = pair else { unreachable!("they come in pairs") };
            let matrix = name
                .strip_prefix("base_model.model.")
                .and_then(|name| name.strip_suffix(".lora_A.weight"))
                .expect("layout() made the name");
            let of_matrix = |(name, _): &&(String, Tensor)| {
                name.strip_suffix(".weight").is_some_and(|name| name == matrix)
            };
            let (_, weight) =
                parameters.iter().find(of_matrix).expect("every layer has all targets");
            let _ = weight.shallow_clone().g_add_(&(b.matmul(a) * scale));
        }
    });
}

/// Names and shapes of A and B, layer by layer.
fn layout(config: &ModelConfig, form: &Lora) -> Vec<(String, Vec<i64>)> {
    let rank = i64::from(form.rank);
    let mut all = Vec::new();
    for layer in 0..config.layers {
        for target in form.targets() {
            let (rows, columns) = shape(config, target);
            let name = |part: &str| {
                format!("base_model.model.model.layers.{layer}.{}.{part}.weight", target.path())
            };
            all.push((name("lora_A"), vec![rank, columns]));
            all.push((name("lora_B"), vec![rows, rank]));
        }
    }
    all
}

/// Rows and columns of a target's matrix.
fn shape(config: &ModelConfig, target: Target) -> (i64, i64) {
    let (hidden, inner) = (config.hidden, config.intermediate);
    let (q, kv) = (config.heads * config.head_width, config.kv_heads * config.head_width);
    match target {
        Target::QProj => (q, hidden),
        Target::KProj | Target::VProj => (kv, hidden),
        Target::OProj => (hidden, q),
        Target::GateProj | Target::UpProj => (inner, hidden),
        Target::DownProj => (hidden, inner),
    }
}

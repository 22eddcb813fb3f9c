//! Sources of weights.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use retrial_config::ModelPath;
use retrial_store::Store;

use super::sets::canonical;

/// The model to evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// A Hugging Face folder or a model of the hub, on the embedded server.
    Folder(ModelPath),
    /// Running servers with their own weights; the folder has the tokenizer.
    Served {
        /// Base URLs.
        urls: Vec<String>,
        /// Folder of its tokenizer and `config.json`.
        description: ModelPath,
    },
}

impl Weights {
    /// The folder of the tokenizer.
    pub fn description(&self) -> &ModelPath {
        match self {
            Self::Folder(folder) | Self::Served { description: folder, .. } => folder,
        }
    }

    /// Servers that already serve the weights.
    pub fn urls(&self) -> &[String] {
        match self {
            Self::Folder(_) => &[],
            Self::Served { urls, .. } => urls,
        }
    }

    /// Its entry in the log, if the model came from `source`.
    pub fn shown(&self, source: &str) -> String {
        match self {
            Self::Folder(_) => canonical(Path::new(source)),
            Self::Served { urls, .. } => urls.join(", "),
        }
    }

    /// Fails for an adapter, which is not a complete model.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Folder(folder) if is_adapter(Path::new(&folder.0)) => {
                bail!(
                    "{folder} is an adapter, not a model\n\
                     hint: merge it into a model: retrial-trainer export {folder} MERGED, then \
                     --model MERGED"
                )
            }
            _ => Ok(()),
        }
    }
}

/// Whether a folder has an adapter and no model: beside a model the file is ignored.
fn is_adapter(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    has("adapter_config.json") && !has("model.safetensors") && !has("model.safetensors.index.json")
}

/// The version of a run's weights, by `RUN` (the latest) or `RUN@VERSION`: its number and folder.
pub async fn of_run(store: &Store, text: &str) -> Result<(u64, PathBuf)> {
    let (run, version) = match text.split_once('@') {
        None => (text, None),
        Some((run, version)) => {
            let number = version.trim_start_matches('v').parse().with_context(|| {
                format!("--run {text}: `{version}` is not a version\nhint: write it as RUN@20")
            })?;
            (run, Some(number))
        }
    };
    let found = store.weights_of_run(run, version).await?;
    let (version, folder) = found.ok_or_else(|| {
        let asked = version.map_or("any weights".to_owned(), |v| format!("weights of version {v}"));
        anyhow!(
            "--run {text}: the log has no {asked} of run `{run}`\n\
             hint: retrial sql 'SELECT name, version, folder FROM weights JOIN runs ON id = run'"
        )
    })?;
    let folder = PathBuf::from(folder);
    if !folder.is_dir() {
        bail!(
            "--run {text}: the folder {} no longer exists\n\
             hint: a run keeps its latest versions ([run] keep), and moving it moves them",
            folder.display()
        );
    }
    Ok((version, folder))
}

//! Where the weights come from.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use retrial_config::ModelPath;
use retrial_store::Store;

use super::sets::canonical;

/// What is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// A Hugging Face folder or a model of the hub, on the embedded server.
    Folder(ModelPath),
    /// What servers serve, whatever it is; the folder has its tokenizer.
    Served {
        /// Base URLs.
        urls: Vec<String>,
        /// Where its tokenizer and `config.json` lie.
        description: ModelPath,
    },
}

impl Weights {
    /// Where the tokenizer lies.
    pub fn description(&self) -> &ModelPath {
        match self {
            Self::Folder(folder) | Self::Served { description: folder, .. } => folder,
        }
    }

    /// Servers that serve them already.
    pub fn urls(&self) -> &[String] {
        match self {
            Self::Folder(_) => &[],
            Self::Served { urls, .. } => urls,
        }
    }

    /// As the log has them, where a model came from `source`.
    pub fn shown(&self, source: &str) -> String {
        match self {
            Self::Folder(_) => canonical(Path::new(source)),
            Self::Served { urls, .. } => urls.join(", "),
        }
    }

    /// Fails for an adapter, which is no model by itself.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Folder(folder) if Path::new(&folder.0).join("adapter_config.json").exists() => {
                bail!(
                    "{folder} is an adapter, no model\n\
                     hint: make a model of it: retrial-trainer export {folder} MERGED, then \
                     --model MERGED"
                )
            }
            _ => Ok(()),
        }
    }
}

/// The version of a run's weights, by `RUN` (the latest) or `RUN@VERSION`: its number and folder.
pub async fn of_run(store: &Store, text: &str) -> Result<(u64, PathBuf)> {
    let (run, version) = match text.split_once('@') {
        None => (text, None),
        Some((run, version)) => {
            let number = version.trim_start_matches('v').parse().with_context(|| {
                format!("--run {text}: `{version}` is no version\nhint: write it as RUN@20")
            })?;
            (run, Some(number))
        }
    };
    let found = store.weights_of_run(run, version).await?;
    let (version, folder) = found.ok_or_else(|| {
        let asked = version.map_or("any weights".to_owned(), |v| format!("weights of version {v}"));
        anyhow!(
            "--run {text}: the log has no {asked} of a run `{run}`\n\
             hint: retrial sql 'SELECT name, version, folder FROM weights JOIN runs ON id = run'"
        )
    })?;
    let folder = PathBuf::from(folder);
    if !folder.is_dir() {
        bail!(
            "--run {text}: the folder {} is not there any more\n\
             hint: a run keeps its latest versions ([run] keep), and moving it moves them",
            folder.display()
        );
    }
    Ok((version, folder))
}

//! Upload of an exported model to the Hugging Face Hub.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use retrial_hub::{Content, Repo, Target, Upload, wait};

/// The model card of a folder.
pub const CARD: &str = "README.md";

/// The model card that a run writes next to its versions.
pub fn card_of_run(version: &Path) -> Option<PathBuf> {
    let card = version.parent()?.join(CARD);
    card.is_file().then_some(card)
}

/// Where an exported model is pushed.
#[derive(Clone, Debug, clap::Args)]
pub struct Destination {
    /// Push the model to this repository of the Hugging Face Hub, and create it if it does not exist.
    #[arg(long, value_name = "OWNER/NAME")]
    pub push: Option<String>,
    /// Create the repository as private.
    #[arg(long, requires = "push")]
    pub private: bool,
}

impl Destination {
    /// The repository, if there is one.
    pub fn target(&self) -> Result<Option<Target>> {
        let Some(name) = &self.push else { return Ok(None) };
        Ok(Some(Target::new(Repo::model(name)?, self.private)?))
    }
}

/// Pushes all files of a folder in one commit, and returns its URL.
pub fn push(target: &Target, folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    let failed = || format!("cannot read {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let (Some(name), true) = (name, path.is_file()) {
            files.push(Upload { path: name.to_owned(), content: Content::File(path.clone()) });
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(wait(target.push("A model trained by Retrial", &files))?)
}

/// The model card of a model without a run.
pub fn plain_card(version: &Path) -> String {
    format!(
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- retrial\n---\n\n\
         # A model trained by Retrial\n\n\
         The weight version `{}`. The run that made it has left no card.\n",
        version.display()
    )
}

//! An exported model on the Hugging Face Hub.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use retrial_hub::{Content, Repo, Target, Upload, wait};

/// The model card of a folder.
pub const CARD: &str = "README.md";

/// The card that a run writes beside its versions.
pub fn card_of_run(version: &Path) -> Option<PathBuf> {
    let card = version.parent()?.join(CARD);
    card.is_file().then_some(card)
}

/// Where an exported model goes.
#[derive(Clone, Debug, clap::Args)]
pub struct Destination {
    /// Pushes the model to this repository of the Hugging Face Hub, and makes it if it is not there.
    #[arg(long, value_name = "OWNER/NAME")]
    pub push: Option<String>,
    /// A repository that is made is private.
    #[arg(long, requires = "push")]
    pub private: bool,
}

impl Destination {
    /// The repository, if one is named.
    pub fn target(&self) -> Result<Option<Target>> {
        let Some(name) = &self.push else { return Ok(None) };
        Ok(Some(Target::new(Repo::model(name)?, self.private)?))
    }
}

/// Writes all files of a folder in one commit, and says which it is.
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

/// What is said of a model that no run has a card of.
pub fn plain_card(version: &Path) -> String {
    format!(
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\ntags:\n- retrial\n---\n\n\
         # A model trained by Retrial\n\n\
         The weight version `{}`. The run that made it has left no card.\n",
        version.display()
    )
}

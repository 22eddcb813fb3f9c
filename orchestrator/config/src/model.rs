//! `[model]`: the initial model.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// A Hugging Face folder, or a model on the hub.
    pub path: ModelPath,
}

/// The location of a model: a folder, or `OWNER/NAME[@REVISION]` on the Hugging Face Hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelPath(pub String);

/// What a model's path refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelPlace {
    /// A local folder.
    Folder(PathBuf),
    /// A repository of the hub.
    Hub {
        /// `OWNER/NAME`.
        repository: String,
        /// A branch, a tag or a commit, if given.
        revision: Option<String>,
    },
}

impl ModelPath {
    /// Makes a relative path relative to this folder, unless it can only be a name on the hub: `OWNER/NAME`,
    /// and no such folder exists.
    pub fn resolve(&mut self, base: &Path) {
        let folder = base.join(&self.0);
        if folder.exists() || self.hub().is_none() {
            self.0 = folder.to_string_lossy().into_owned();
        }
    }

    /// What the path refers to.
    pub fn place(&self) -> ModelPlace {
        let folder = PathBuf::from(&self.0);
        if folder.exists() {
            return ModelPlace::Folder(folder);
        }
        self.hub().unwrap_or(ModelPlace::Folder(folder))
    }

    /// The repository of this name, if the text can be a name.
    fn hub(&self) -> Option<ModelPlace> {
        let (repository, revision) = match self.0.split_once('@') {
            None => (self.0.as_str(), None),
            Some((repository, revision)) => (repository, Some(revision.to_owned())),
        };
        let (owner, name) = repository.split_once('/')?;
        let sound = |part: &str| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(known)
        };
        (sound(owner) && sound(name))
            .then(|| ModelPlace::Hub { repository: repository.to_owned(), revision })
    }
}

impl fmt::Display for ModelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(path: &str, base: &Path) -> ModelPath {
        let mut path = ModelPath(path.into());
        path.resolve(base);
        path
    }

    #[test]
    fn a_folder_or_a_repository() {
        let here = tempfile::tempdir().unwrap();
        let base = here.path();
        std::fs::create_dir_all(base.join("models/mine")).unwrap();
        let folder = |path: &str| ModelPlace::Folder(base.join(path));
        let hub = |repository: &str, revision: Option<&str>| ModelPlace::Hub {
            repository: repository.into(),
            revision: revision.map(str::to_owned),
        };
        let cases = [
            ("models/mine", folder("models/mine")),
            ("Qwen/Qwen3-4B-Base", hub("Qwen/Qwen3-4B-Base", None)),
            ("Qwen/Qwen3-4B-Base@v1.0", hub("Qwen/Qwen3-4B-Base", Some("v1.0"))),
            // No repository can have this name.
            ("../models/none", folder("../models/none")),
            ("./none/here", folder("./none/here")),
            ("nowhere", folder("nowhere")),
            ("a/b/c", folder("a/b/c")),
        ];
        for (path, expected) in cases {
            assert_eq!(resolved(path, base).place(), expected, "{path}");
        }
        assert_eq!(resolved("a/b", base).to_string(), "a/b");
    }
}

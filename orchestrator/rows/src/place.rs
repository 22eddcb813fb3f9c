//! `hf://datasets/OWNER/NAME[@REVISION][/FILE or CONFIG/SPLIT]`: a data set on the hub.

use std::fmt;
use std::path::PathBuf;

use retrial_hub::{Hub, HubError, Repo, Settings, bar, wait};

use crate::split::{Found, Split, choose};

/// What references to the hub begin with.
pub(crate) const SCHEME: &str = "hf://";

/// Branches of the hub whose names have slashes.
const REFS: [&str; 2] = ["refs/convert/", "refs/pr/"];

/// A reference to files on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `OWNER/NAME`.
    pub repository: String,
    /// A branch, a tag or a commit; without one the branch `main`.
    pub revision: Option<String>,
    /// A file, a folder, a configuration, a split or a glob; without one, the requested split.
    pub file: Option<String>,
}

/// Why a reference to the hub gives no files.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// An error of the hub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Its content does not match.
    #[error("{place}: {problem}")]
    Files {
        /// The reference.
        place: String,
        /// The problem.
        problem: String,
    },
}

/// Files of a reference, on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Their commit.
    pub commit: String,
    /// Their names in the repository and their paths.
    pub files: Vec<(String, PathBuf)>,
}

impl Place {
    /// Parses a reference; none if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(SCHEME)?.strip_prefix("datasets/")?;
        let (owner, rest) = rest.split_once('/').filter(|(owner, _)| !owner.is_empty())?;
        let end = rest.find(['/', '@']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let (revision, file) = match rest.strip_prefix('@') {
            None => (None, rest),
            Some(rest) => {
                let known = REFS.iter().find(|known| rest.starts_with(*known));
                let skip = known.map_or(0, |known| known.len());
                let end = rest[skip..].find('/').map_or(rest.len(), |end| skip + end);
                (Some(rest[..end].replace("%2F", "/").replace("%2f", "/")), &rest[end..])
            }
        };
        let file = file.trim_matches('/');
        let file = (!file.is_empty()).then(|| file.to_owned());
        (!name.is_empty()).then(|| Self { repository: format!("{owner}/{name}"), revision, file })
    }

    /// Its files on this machine; of the requested split, if the reference does not name one.
    /// Blocks while they are downloaded.
    pub fn files(&self, settings: &Settings, wanted: Split) -> Result<Fetched, PlaceError> {
        let repo = Repo::dataset(&self.repository)?;
        let repo = match &self.revision {
            Some(revision) => repo.at(revision)?,
            None => repo,
        };
        let hub = Hub::new(settings.clone())?;
        wait(async {
            let snapshot = hub.open(&repo).await?;
            let names: Vec<&str> =
                snapshot.entries().iter().map(|entry| entry.path.as_str()).collect();
            let chosen = choose(&names, wanted, self.file.as_deref(), Found::OnHub);
            let chosen = chosen.map_err(|problem| PlaceError::Files {
                place: self.to_string(),
                problem: problem.replace("PLACE", &format!("{SCHEME}datasets/{}", self.repository)),
            })?;
            let mut files = Vec::new();
            for name in chosen {
                let path = hub.file(&snapshot, &name, &bar()).await?;
                files.push((name, path));
            }
            Ok(Fetched { commit: snapshot.commit().to_owned(), files })
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}datasets/{}", self.repository)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        if let Some(file) = &self.file {
            write!(f, "/{file}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = |text| Place::parse(text).map(|place| (place.repository, place.file));
        assert_eq!(place("hf://datasets/a/b"), Some(("a/b".into(), None)));
        let file = Some("data/x.jsonl".to_owned());
        assert_eq!(place("hf://datasets/a/b/data/x.jsonl"), Some(("a/b".into(), file)));
        assert_eq!(place("data/x.jsonl"), None);
        assert_eq!(place("hf://datasets/a"), None);
    }

    #[test]
    fn a_revision_may_be_named() {
        let revision = |text| Place::parse(text).map(|place| (place.revision, place.file));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(revision("hf://datasets/a/b@v1"), Some((some("v1"), None)));
        assert_eq!(
            revision("hf://datasets/a/b@v1/main/train"),
            Some((some("v1"), some("main/train")))
        );
        let converted = "hf://datasets/a/b@refs/convert/parquet/main/train";
        assert_eq!(revision(converted), Some((some("refs/convert/parquet"), some("main/train"))));
        let encoded = "hf://datasets/a/b@refs%2Fpr%2F1";
        assert_eq!(revision(encoded), Some((some("refs/pr/1"), None)));
        for text in ["hf://datasets/a/b", "hf://datasets/a/b@v1/x.jsonl"] {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
    }
}

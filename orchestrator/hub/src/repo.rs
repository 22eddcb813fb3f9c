//! A repository of models or of data, at a revision.

use std::fmt;

use crate::HubError;

/// Kind of repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A model.
    Model,
    /// A data set.
    Dataset,
}

/// A repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    kind: Kind,
    name: String,
    revision: String,
}

/// The default revision.
const MAIN: &str = "main";

impl Kind {
    /// Its word in the hub's URLs and in the cache.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
        }
    }
}

impl Repo {
    /// A repository of the hub, `OWNER/NAME`, at its branch `main`.
    pub fn new(kind: Kind, name: &str) -> Result<Self, HubError> {
        let parts: Vec<&str> = name.split('/').collect();
        if parts.len() > 2 || !parts.iter().copied().all(is_name) {
            return Err(HubError::BadName { what: "repository", text: name.to_owned() });
        }
        Ok(Self { kind, name: name.to_owned(), revision: MAIN.into() })
    }

    /// A model.
    pub fn model(name: &str) -> Result<Self, HubError> {
        Self::new(Kind::Model, name)
    }

    /// A data set.
    pub fn dataset(name: &str) -> Result<Self, HubError> {
        Self::new(Kind::Dataset, name)
    }

    /// The repository at a branch, a tag or a commit.
    pub fn at(self, revision: &str) -> Result<Self, HubError> {
        if !is_relative(revision) {
            return Err(HubError::BadName { what: "revision", text: revision.to_owned() });
        }
        Ok(Self { revision: revision.to_owned(), ..self })
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `OWNER/NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The branch, the tag or the commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Its folder in the cache.
    pub(crate) fn folder(&self) -> String {
        format!("{}--{}", self.kind.plural(), self.name.replace('/', "--"))
    }

    /// Whether the revision is a commit.
    pub(crate) fn is_pinned(&self) -> bool {
        self.revision.len() == 40 && is_commit(&self.revision)
    }
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Model => "model",
            Kind::Dataset => "data set",
        };
        write!(f, "the {what} {}", self.name)?;
        if self.revision == MAIN { Ok(()) } else { write!(f, "@{}", self.revision) }
    }
}

/// Whether a text can be a name on the hub: letters, digits, `-`, `_` and single dots.
fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty()
        && text.len() <= 96
        && text.chars().all(known)
        && !text.starts_with(['.', '-'])
        && !text.ends_with('.')
        && !text.contains("..")
        && !text.contains("--")
}

/// Whether a text is a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a text is a path that stays inside the folder it is joined to.
pub(crate) fn is_relative(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0', ':'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_hub() {
        for name in ["gpt2", "Qwen/Qwen3-4B-Base", "a/b.c_d"] {
            assert_eq!(Repo::model(name).unwrap().name(), name);
        }
        for name in ["", "a/b/c", "../x", "a/..", "a/.b", "a b", "a/b--c", "a/", "/a", "a/b%2f"] {
            assert!(Repo::model(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_revision_is_a_path_below_the_cache() {
        let repo = Repo::dataset("a/b").unwrap();
        assert_eq!(repo.clone().at("refs/convert/parquet").unwrap().revision().len(), 20);
        for revision in ["", "../x", "a/../../b", "/a", "a//b", "a\\b"] {
            assert!(repo.clone().at(revision).is_err(), "{revision}");
        }
        assert!(!repo.is_pinned());
        assert!(repo.at("0123456789abcdef0123456789abcdef01234567").unwrap().is_pinned());
    }
}

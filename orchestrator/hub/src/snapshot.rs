//! A repository at a commit, and its files on this machine.

use std::path::PathBuf;

use reqwest::Method;
use serde::Deserialize;

use crate::cache::Cache;
use crate::client::{Client, Failure, Follow, text};
use crate::download;
use crate::repo::{is_commit, is_relative};
use crate::{HubError, Repo, Settings, Watch};

/// The hub.
pub struct Hub {
    pub(crate) client: Client,
}

/// A repository at a commit.
#[derive(Clone, Debug)]
pub struct Snapshot {
    repo: Repo,
    commit: String,
    entries: Vec<Entry>,
    /// Why the hub was not reached; then the entries are those of the cache.
    absent: Option<Absent>,
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path in the repository.
    pub path: String,
    /// Its size in bytes, if the hub says it.
    pub size: Option<u64>,
}

#[derive(Clone, Debug)]
enum Absent {
    Offline,
    Unreachable(String),
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
}

impl Hub {
    /// A hub with these settings. No request is sent yet.
    pub fn new(settings: Settings) -> Result<Self, HubError> {
        Ok(Self { client: Client::new(settings)? })
    }

    /// Finds the commit of a repository's revision and the files of that commit.
    ///
    /// Offline, and if the hub does not answer, they are those in the cache.
    pub async fn open(&self, repo: &Repo) -> Result<Snapshot, HubError> {
        if self.client.settings.offline {
            return self.cached(repo, Absent::Offline);
        }
        match self.info(repo).await {
            Ok((commit, entries)) => {
                self.cache(repo).remember(repo, &commit)?;
                Ok(Snapshot { repo: repo.clone(), commit, entries, absent: None })
            }
            Err(failure) if failure.is_absence() => {
                let cached = self.cached(repo, Absent::Unreachable(failure.to_string()));
                cached.map_err(|_| self.client.error(repo, None, failure))
            }
            Err(failure) => Err(self.client.error(repo, None, failure)),
        }
    }

    /// A file on this machine, downloaded if the cache does not have it.
    pub async fn file(
        &self,
        snapshot: &Snapshot,
        name: &str,
        watch: &Watch<'_>,
    ) -> Result<PathBuf, HubError> {
        let Snapshot { repo, commit, entries, absent } = snapshot;
        if !is_relative(name) {
            return Err(HubError::BadName { what: "file", text: name.to_owned() });
        }
        let cache = self.cache(repo);
        if let Some(path) = cache.file(commit, name) {
            return Ok(path);
        }
        let wanted = format!("{repo}, `{name}`");
        let settings = &self.client.settings;
        match absent {
            Some(Absent::Offline) => {
                return Err(HubError::Offline { wanted, cache: settings.cache.clone() });
            }
            Some(Absent::Unreachable(problem)) => {
                return Err(HubError::Unreachable {
                    wanted,
                    endpoint: settings.endpoint.clone(),
                    problem: problem.clone(),
                });
            }
            None => {}
        }
        if !entries.iter().any(|entry| entry.path == name) {
            return Err(HubError::NoFile {
                repo: repo.to_string(),
                file: name.to_owned(),
                known: entries.iter().map(|entry| entry.path.clone()).collect(),
            });
        }
        download::file(&self.client, &cache, repo, commit, name, watch).await
    }

    /// The folder of a snapshot on this machine, with all wanted files in it.
    ///
    /// If the hub was not reached, they are those in the cache.
    pub async fn folder(
        &self,
        snapshot: &Snapshot,
        wanted: impl Fn(&str) -> bool,
        watch: &Watch<'_>,
    ) -> Result<PathBuf, HubError> {
        for entry in snapshot.entries.iter().filter(|entry| wanted(&entry.path)) {
            self.file(snapshot, &entry.path, watch).await?;
        }
        Ok(self.cache(&snapshot.repo).snapshot(&snapshot.commit))
    }

    fn cache(&self, repo: &Repo) -> Cache {
        Cache::of(&self.client.settings, repo)
    }

    fn cached(&self, repo: &Repo, absent: Absent) -> Result<Snapshot, HubError> {
        let cache = self.cache(repo);
        let Some(commit) = cache.commit(repo) else {
            let folder = self.client.settings.cache.clone();
            return Err(HubError::Offline { wanted: repo.to_string(), cache: folder });
        };
        let names = cache.files(&commit).into_iter();
        let entries = names.map(|path| Entry { path, size: None }).collect();
        Ok(Snapshot { repo: repo.clone(), commit, entries, absent: Some(absent) })
    }

    async fn info(&self, repo: &Repo) -> Result<(String, Vec<Entry>), Failure> {
        let url = self.client.info_url(repo);
        let answer = text(self.client.ask(Method::GET, &url, Follow::Within).await?).await?;
        let info: Info = serde_json::from_slice(&answer).map_err(|error| {
            Failure::Unexpected(format!("its answer does not look like the hub's: {error}"))
        })?;
        if !is_commit(&info.sha) {
            return Err(Failure::Unexpected(format!("`{}` is no commit", info.sha)));
        }
        let outside = info.siblings.iter().find(|file| !is_relative(&file.rfilename));
        if let Some(Sibling { rfilename, .. }) = outside {
            return Err(Failure::Unexpected(format!(
                "it lists the file `{rfilename}`, which would lie outside the repository's folder"
            )));
        }
        let entry = |file: Sibling| Entry { path: file.rfilename, size: file.size };
        Ok((info.sha, info.siblings.into_iter().map(entry).collect()))
    }
}

/// Whether a file belongs to a model as transformers reads it: its configuration, tokenizer, chat
/// template and weights in safetensors, not the same weights in other formats.
pub fn is_model_file(path: &str) -> bool {
    let ending = path.rsplit('.').next().unwrap_or_default();
    let known = ["json", "safetensors", "jinja", "txt", "model"];
    !path.contains('/') && known.contains(&ending)
}

impl Snapshot {
    /// The repository.
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// The commit of its revision.
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// Its files; if the hub was not reached, those in the cache.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the files are only those in the cache.
    pub fn is_from_cache(&self) -> bool {
        self.absent.is_some()
    }
}

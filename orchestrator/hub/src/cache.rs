//! The cache, in the layout of Hugging Face's tools:
//!
//! ```text
//! datasets--OWNER--NAME/
//!   blobs/ETAG                       the bytes, named by their content
//!   refs/main                        the commit of a branch when it was last looked up
//!   snapshots/COMMIT/data/a.jsonl    a link to ../../../blobs/ETAG
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::repo::{Repo, is_commit, is_relative};
use crate::{HubError, Settings};

/// The part of the cache for one repository.
pub(crate) struct Cache {
    root: PathBuf,
    locks: PathBuf,
}

impl Cache {
    pub(crate) fn of(settings: &Settings, repo: &Repo) -> Self {
        let folder = repo.folder();
        let locks = settings.cache.join(".locks").join(&folder);
        Self { root: settings.cache.join(folder), locks }
    }

    /// The commit of a revision when it was last looked up; a commit is itself if it was ever downloaded.
    pub(crate) fn commit(&self, repo: &Repo) -> Option<String> {
        if repo.is_pinned() {
            let known = self.snapshot(repo.revision()).is_dir();
            return known.then(|| repo.revision().to_owned());
        }
        let text = fs::read_to_string(self.root.join("refs").join(repo.revision())).ok()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// Stores the commit of a revision.
    pub(crate) fn remember(&self, repo: &Repo, commit: &str) -> Result<(), HubError> {
        if repo.revision() == commit || self.commit(repo).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.root.join("refs").join(repo.revision());
        let partial = path.with_added_extension(format!("{}.incomplete", std::process::id()));
        parent(&path)
            .and_then(|()| fs::write(&partial, commit))
            .and_then(|()| fs::rename(&partial, &path))
            .map_err(|source| HubError::Cache { path, source })
    }

    /// A file of a commit, if it was downloaded.
    pub(crate) fn file(&self, commit: &str, name: &str) -> Option<PathBuf> {
        let path = self.snapshot(commit).join(name);
        path.is_file().then_some(path)
    }

    /// The files of a commit that were downloaded, by name.
    pub(crate) fn files(&self, commit: &str) -> Vec<String> {
        let mut names = Vec::new();
        walk(&self.snapshot(commit), "", &mut names);
        names.sort();
        names
    }

    /// The path of a file's bytes.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    /// Locks the download of these bytes. The lock ends when the returned file is dropped.
    pub(crate) fn lock(&self, etag: &str) -> Result<File, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        let locked = parent(&path).and_then(|()| {
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            Ok(file)
        });
        locked.map_err(|source| HubError::Cache { path, source })
    }

    /// Links the bytes as a file of a commit.
    pub(crate) fn link(&self, commit: &str, name: &str, etag: &str) -> Result<PathBuf, HubError> {
        let path = self.snapshot(commit).join(name);
        let up = "../".repeat(2 + name.split('/').count() - 1);
        let made = parent(&path).and_then(|()| match link(&format!("{up}blobs/{etag}"), &path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_file() => Ok(()),
            // A link to bytes that were removed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&path)?;
                link(&format!("{up}blobs/{etag}"), &path)
            }
            other => other,
        });
        match made {
            Ok(()) => Ok(path),
            Err(source) => Err(HubError::Cache { path, source }),
        }
    }

    /// The folder of a commit.
    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }
}

/// Makes the parent folder of a file.
pub(crate) fn parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link(target: &str, path: &Path) -> io::Result<()> {
    let from = path.parent().map_or_else(|| target.into(), |folder| folder.join(target));
    fs::copy(from, path).map(drop)
}

fn walk(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = format!("{prefix}{name}");
        let path = entry.path();
        // A folder is never a link here, so the walk cannot loop.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, &format!("{name}/"), names);
        } else if path.is_file() && is_relative(&name) {
            names.push(name);
        }
    }
}

//! Writes files to a repository, all in one commit.
//!
//! The hub says which files it stores in git (small texts) and which in its large-file store; the
//! latter are uploaded first (`lfs`), then one commit lists them all.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use crate::client::{Client, Failure, parsed};
use crate::content::Content;
use crate::download::sha256;
use crate::repo::{is_commit, is_relative};
use crate::{Hub, HubError, Kind, Progress, Repo, Watch, lfs};

/// Bytes of a file from which the hub decides where it is stored.
const SAMPLE: u64 = 512;

/// A file to write to a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its path in the repository.
    pub path: String,
    /// Its content.
    pub content: Content,
}

/// Where the hub stores a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Regular,
    Lfs,
}

#[derive(Deserialize)]
struct Preupload {
    files: Vec<Decided>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decided {
    path: String,
    upload_mode: Mode,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Committed {
    commit_oid: String,
}

impl Hub {
    /// Creates a repository, if it does not exist.
    pub async fn create(&self, repo: &Repo, private: bool) -> Result<(), HubError> {
        let kind = match repo.kind() {
            Kind::Model => "model",
            Kind::Dataset => "dataset",
        };
        let (owner, name) = match repo.name().split_once('/') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, repo.name()),
        };
        let body = json!({ "name": name, "organization": owner, "type": kind, "private": private });
        let url = format!("{}/api/repos/create", self.client.settings.endpoint);
        match self.client.post(&url, "application/json", body.to_string().into()).await {
            Err(Failure::Said { status, .. }) if status.as_u16() == 409 => Ok(()),
            Err(failure) => Err(self.client.error(repo, None, failure)),
            Ok(_) => Ok(()),
        }
    }

    /// Writes files to a repository in one commit, and returns its URL.
    pub async fn commit(
        &self,
        repo: &Repo,
        summary: &str,
        files: &[Upload],
        watch: &Watch<'_>,
    ) -> Result<String, HubError> {
        if let Some(file) = files.iter().find(|file| !is_relative(&file.path)) {
            return Err(HubError::BadName { what: "file", text: file.path.clone() });
        }
        let modes = self.modes(repo, files).await?;
        let header = json!({ "key": "header", "value": { "summary": summary, "description": "" } });
        let mut body = format!("{header}\n");
        for (Upload { path, content }, mode) in files.iter().zip(modes) {
            let size = content.size()?;
            watch(Progress { file: path, done: 0, total: size });
            let line = match mode {
                Mode::Regular => {
                    let bytes = STANDARD.encode(content.first(u64::MAX)?);
                    let value = json!({ "path": path, "encoding": "base64", "content": bytes });
                    json!({ "key": "file", "value": value })
                }
                Mode::Lfs => {
                    let hash =
                        sha256(&mut content.open()?).map_err(|error| content.failed(error))?;
                    lfs::upload(&self.client, repo, path, content, &hash, size).await?;
                    let value =
                        json!({ "path": path, "algo": "sha256", "oid": hash, "size": size });
                    json!({ "key": "lfsFile", "value": value })
                }
            };
            let _ = writeln!(body, "{line}");
            watch(Progress { file: path, done: size, total: size });
        }
        let url = self.client.api_url(repo, "commit");
        let failed = |failure| self.client.error(repo, None, failure);
        let post = self.client.post(&url, "application/x-ndjson", body.into_bytes());
        let answer = post.await.map_err(failed)?;
        let Committed { commit_oid } = parsed(&answer).map_err(failed)?;
        if is_commit(&commit_oid) {
            Ok(commit_oid)
        } else {
            Err(failed(Failure::Unexpected(format!("`{commit_oid}` is not a commit"))))
        }
    }

    /// Asks the hub where it stores each file.
    async fn modes(&self, repo: &Repo, files: &[Upload]) -> Result<Vec<Mode>, HubError> {
        let mut asked = Vec::new();
        for Upload { path, content } in files {
            let sample = STANDARD.encode(content.first(SAMPLE)?);
            asked.push(json!({ "path": path, "sample": sample, "size": content.size()? }));
        }
        let url = self.client.api_url(repo, "preupload");
        let body = json!({ "files": asked }).to_string();
        let failed = |failure| self.client.error(repo, None, failure);
        let post = self.client.post(&url, "application/json", body.into());
        let decided: Preupload = parsed(&post.await.map_err(failed)?).map_err(failed)?;
        let mode = |file: &Upload| {
            let found = decided.files.iter().find(|decided| decided.path == file.path);
            found.map(|decided| decided.upload_mode).ok_or_else(|| {
                failed(Failure::Unexpected(format!("it does not say where `{}` goes", file.path)))
            })
        };
        files.iter().map(mode).collect()
    }
}

impl Client {
    /// The URL of an action on a repository's revision.
    fn api_url(&self, repo: &Repo, action: &str) -> String {
        let (kind, name) = (repo.kind().plural(), repo.name());
        let revision = repo.revision().replace('/', "%2F");
        format!("{}/api/{kind}/{name}/{action}/{revision}", self.settings.endpoint)
    }
}

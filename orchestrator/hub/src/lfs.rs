//! Uploads to the hub's store of large files: git's LFS protocol, whole or in parts.

use std::collections::BTreeMap;
use std::io::Read;

use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use reqwest::{Body, Method, Response, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Client, Failure, parsed, said, text, unanswered};
use crate::content::Content;
use crate::{HubError, Repo};

const LFS: &str = "application/vnd.git-lfs+json";
/// Tries to send a part.
const TRIES: u32 = 4;

#[derive(Deserialize)]
struct Batch {
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    actions: Option<Actions>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

#[derive(Deserialize)]
struct Actions {
    upload: Option<Action>,
    verify: Option<Action>,
}

/// A URL; for a file in parts the headers have the size of a part and a URL for each.
#[derive(Deserialize)]
struct Action {
    href: String,
    #[serde(default)]
    header: BTreeMap<String, Value>,
}

/// Uploads a file to the store, unless the store has it.
pub(crate) async fn upload(
    client: &Client,
    repo: &Repo,
    path: &str,
    content: &Content,
    hash: &str,
    size: u64,
) -> Result<(), HubError> {
    let failed = |failure| client.error(repo, Some(path), failure);
    let actions = batch(client, repo, hash, size).await.map_err(failed)?;
    let Some(Actions { upload: Some(upload), verify }) = actions else { return Ok(()) };
    match upload.header.get("chunk_size").and_then(number) {
        Some(chunk) if chunk > 0 => {
            let etags = parts(client, &upload, content, chunk).await?.map_err(failed)?;
            let parts: Vec<Value> = (1..)
                .zip(etags)
                .map(|(number, etag): (u32, String)| json!({ "partNumber": number, "etag": etag }))
                .collect();
            let body = json!({ "oid": hash, "parts": parts }).to_string();
            client.post(&upload.href, LFS, body.into()).await.map_err(failed)?;
        }
        _ => whole(client, &upload.href, content, size).await?.map_err(failed)?,
    }
    if let Some(verify) = verify {
        let body = json!({ "oid": hash, "size": size }).to_string();
        client.post(&verify.href, LFS, body.into()).await.map_err(failed)?;
    }
    Ok(())
}

/// Asks where to upload a file; none if the store has it.
async fn batch(
    client: &Client,
    repo: &Repo,
    hash: &str,
    size: u64,
) -> Result<Option<Actions>, Failure> {
    let url = format!("{}.git/info/lfs/objects/batch", client.page(repo));
    let url = Url::parse(&url).map_err(|error| Failure::Unexpected(format!("{url}: {error}")))?;
    let body = json!({
        "operation": "upload", "transfers": ["basic", "multipart"], "hash_algo": "sha256",
        "objects": [{ "oid": hash, "size": size }], "ref": { "name": repo.revision() },
    });
    let request = client.request(Method::POST, &url).header(ACCEPT, LFS).header(CONTENT_TYPE, LFS);
    let response = request.body(body.to_string()).send().await.map_err(unanswered)?;
    if !response.status().is_success() {
        return Err(said(response).await);
    }
    let Batch { objects } = parsed(&text(response).await?)?;
    match objects.into_iter().next() {
        None => Err(Failure::Unexpected("it does not say where the file goes".into())),
        Some(Object { error: Some(refusal), .. }) => Err(Failure::Unexpected(refusal.message)),
        Some(Object { actions, .. }) => Ok(actions),
    }
}

/// Sends a file in one piece. The outer error is one of reading the file.
async fn whole(
    client: &Client,
    url: &str,
    content: &Content,
    size: u64,
) -> Result<Result<(), Failure>, HubError> {
    let mut tried = 1;
    loop {
        let body = match content {
            Content::Bytes(bytes) => Body::from(bytes.clone()),
            Content::File(path) => {
                let file = tokio::fs::File::open(path).await;
                Body::from(file.map_err(|error| content.failed(error))?)
            }
        };
        match put(client, url, body, size).await {
            Err(failure) if tried < TRIES && failure.may_pass() => {
                client.pause(tried).await;
                tried += 1;
            }
            other => return Ok(other.map(drop)),
        }
    }
}

/// Sends a file in parts, and returns the store's id of each.
async fn parts(
    client: &Client,
    upload: &Action,
    content: &Content,
    chunk: u64,
) -> Result<Result<Vec<String>, Failure>, HubError> {
    let mut urls: Vec<(u64, &str)> = upload
        .header
        .iter()
        .filter_map(|(name, url)| Some((name.parse().ok()?, url.as_str()?)))
        .collect();
    urls.sort_unstable();
    let mut reader = content.open()?;
    let mut etags = Vec::new();
    for (_, url) in urls {
        let mut part = Vec::new();
        let read = reader.by_ref().take(chunk).read_to_end(&mut part);
        read.map_err(|error| content.failed(error))?;
        match one_part(client, url, part).await {
            Ok(etag) => etags.push(etag),
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(etags))
}

async fn one_part(client: &Client, url: &str, part: Vec<u8>) -> Result<String, Failure> {
    let size = part.len() as u64;
    let mut tried = 1;
    let response = loop {
        match put(client, url, Body::from(part.clone()), size).await {
            Err(failure) if tried < TRIES && failure.may_pass() => {
                client.pause(tried).await;
                tried += 1;
            }
            other => break other?,
        }
    };
    let etag = response.headers().get(ETAG).and_then(|etag| etag.to_str().ok());
    etag.map(str::to_owned)
        .ok_or_else(|| Failure::Unexpected("the store does not name the part (no ETag)".into()))
}

async fn put(client: &Client, url: &str, body: Body, size: u64) -> Result<Response, Failure> {
    let url =
        Url::parse(url).map_err(|_| Failure::Unexpected("the store has no address".into()))?;
    let request = client.request(Method::PUT, &url).header(CONTENT_LENGTH, size).body(body);
    let response = request.send().await.map_err(unanswered)?;
    if response.status().is_success() { Ok(response) } else { Err(said(response).await) }
}

/// A number, which the hub writes as a text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

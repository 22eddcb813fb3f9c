//! The download of one file: into the cache complete or not at all; an interrupted download continues.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap};
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::cache::{Cache, parent};
use crate::client::{Client, Failure, Follow, reason};
use crate::{HubError, Progress, Repo, Watch};

/// Tries in a row that make no progress.
const TRIES: u32 = 5;

/// What the hub says about a file.
struct Metadata {
    /// The id of its bytes: their SHA-256 for large files.
    etag: String,
    size: Option<u64>,
}

/// A file that is being downloaded.
struct Download<'a> {
    client: &'a Client,
    repo: &'a Repo,
    name: &'a str,
    url: String,
    size: Option<u64>,
    watch: &'a Watch<'a>,
}

/// Downloads a file of a commit, unless the cache has its bytes, and links it.
pub(crate) async fn file(
    client: &Client,
    cache: &Cache,
    repo: &Repo,
    commit: &str,
    name: &str,
    watch: &Watch<'_>,
) -> Result<PathBuf, HubError> {
    let url = client.file_url(repo, commit, name);
    let metadata = metadata(client, &url).await;
    let Metadata { etag, size } =
        metadata.map_err(|failure| client.error(repo, Some(name), failure))?;
    let blob = cache.blob(&etag);
    let lock = cache.lock(&etag)?;
    if !blob.is_file() {
        let download = Download { client, repo, name, url, size, watch };
        download.fetch(&blob, &etag).await?;
    }
    drop(lock);
    cache.link(commit, name, &etag)
}

/// Looks up a file. Large files are elsewhere, and the hub describes them in its redirect.
async fn metadata(client: &Client, url: &str) -> Result<Metadata, Failure> {
    let response = client.ask(Method::HEAD, url, Follow::Within).await?;
    let headers = response.headers();
    let linked = |name: &str, plain| text(headers, name).or_else(|| text(headers, plain));
    let etag = linked("x-linked-etag", ETAG.as_str()).unwrap_or_default();
    let etag = etag.trim_start_matches("W/").trim_matches('"');
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if etag.is_empty() || etag.len() > 128 || !etag.chars().all(known) {
        return Err(Failure::Unexpected("it does not say what the file is (no ETag)".into()));
    }
    // The length of a redirect is not that of the file.
    let size = text(headers, "x-linked-size").or_else(|| {
        response.status().is_success().then(|| text(headers, CONTENT_LENGTH.as_str())).flatten()
    });
    Ok(Metadata { etag: etag.to_owned(), size: size.and_then(|size| size.parse().ok()) })
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

impl Download<'_> {
    fn wanted(&self) -> String {
        format!("{}, `{}`", self.repo, self.name)
    }

    async fn fetch(&self, blob: &Path, etag: &str) -> Result<(), HubError> {
        let partial = blob.with_added_extension("incomplete");
        let failed = |source| HubError::Cache { path: partial.clone(), source };
        parent(&partial).map_err(failed)?;
        let mut file = File::options()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&partial)
            .map_err(failed)?;
        let mut failures = 0;
        loop {
            let before = file.seek(std::io::SeekFrom::End(0)).map_err(failed)?;
            if self.size.is_some_and(|size| before >= size) {
                break;
            }
            let problem = match self.part(&mut file, before).await {
                Ok(()) if self.size.is_none() => break,
                Ok(()) => "the connection ended early".into(),
                Err(Stop::Passing(problem)) => problem,
                Err(Stop::Hub(failure)) => {
                    return Err(self.client.error(self.repo, Some(self.name), failure));
                }
                Err(Stop::Disk(source)) => return Err(failed(source)),
            };
            let now = file.metadata().map_err(failed)?.len();
            if self.size == Some(now) {
                break;
            }
            failures = if now > before { 1 } else { failures + 1 };
            if failures >= TRIES {
                let wanted = self.wanted();
                return Err(HubError::Broken { wanted, tries: failures, problem });
            }
            self.client.pause(failures).await;
        }
        if let Err(problem) = self.verify(&mut file, etag).map_err(failed)? {
            fs::remove_file(&partial).map_err(failed)?;
            return Err(HubError::Corrupt { wanted: self.wanted(), problem });
        }
        file.sync_all().and_then(|()| fs::rename(&partial, blob)).map_err(failed)
    }

    /// Appends the bytes of one answer.
    async fn part(&self, file: &mut File, have: u64) -> Result<(), Stop> {
        let from = (have > 0).then_some(have);
        let asked = self.client.send(Method::GET, &self.url, from, Follow::All).await;
        let mut response = match asked {
            Ok(response) => response,
            // The partial file does not match: start again.
            Err(Failure::Said { status: StatusCode::RANGE_NOT_SATISFIABLE, .. }) => {
                file.set_len(0).map_err(Stop::Disk)?;
                return Err(Stop::Passing("the partial file did not match".into()));
            }
            Err(failure) if failure.is_absence() => {
                return Err(Stop::Passing(failure.to_string()));
            }
            Err(failure) => return Err(Stop::Hub(failure)),
        };
        let mut done = have;
        if have > 0 && !goes_on(&response, have) {
            file.set_len(0).map_err(Stop::Disk)?;
            file.rewind().map_err(Stop::Disk)?;
            done = 0;
        }
        let total = self.size.unwrap_or_default();
        loop {
            (self.watch)(Progress { file: self.name, done, total });
            match response.chunk().await {
                Ok(Some(chunk)) => file.write_all(&chunk).map_err(Stop::Disk)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(Stop::Passing(reason(&error.without_url()))),
            }
            done = file.stream_position().map_err(Stop::Disk)?;
        }
    }

    /// Whether the bytes are what the hub says; the inner error is the difference.
    fn verify(&self, file: &mut File, etag: &str) -> std::io::Result<Result<(), String>> {
        let length = file.metadata()?.len();
        if let Some(size) = self.size.filter(|&size| size != length) {
            return Ok(Err(format!("it has {length} bytes instead of {size}")));
        }
        // Small files have git's own hash as their id, which proves no more than the commit.
        if etag.len() != 64 || !etag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Ok(()));
        }
        file.rewind()?;
        let found = sha256(file)?;
        let same = found.eq_ignore_ascii_case(etag);
        Ok(if same { Ok(()) } else { Err(format!("its SHA-256 is {found} instead of {etag}")) })
    }
}

/// The SHA-256 of a reader's bytes.
pub(crate) fn sha256(reader: &mut impl Read) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

/// Why a part ended.
enum Stop {
    /// The next try may get further.
    Passing(String),
    /// The hub returned an error.
    Hub(Failure),
    /// It cannot be written.
    Disk(std::io::Error),
}

/// Whether an answer starts at this byte.
fn goes_on(response: &Response, from: u64) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
        && text(response.headers(), CONTENT_RANGE.as_str())
            .is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

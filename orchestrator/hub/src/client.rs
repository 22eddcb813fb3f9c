//! Requests to the hub: redirects, retries, and the meaning of its errors.

use std::fmt::{self, Write as _};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

use crate::{HubError, Kind, Repo, Settings};

/// Tries of a request that fails for a reason that may be temporary.
const TRIES: u32 = 4;
/// Redirects that are followed.
const HOPS: u32 = 10;
/// The longest answer that is kept in memory: the list of a repository's files.
const LONGEST_ANSWER: usize = 64 << 20;
/// Characters that are not escaped in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A client of the hub.
pub(crate) struct Client {
    http: reqwest::Client,
    endpoint: Url,
    pub(crate) settings: Settings,
}

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No connection.
    NoConnection(String),
    /// The connection gave no answer, or broke off.
    NoAnswer(String),
    /// An error status.
    Said { status: StatusCode, code: String, message: String },
    /// An unexpected answer.
    Unexpected(String),
}

/// Which redirects to follow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// All of them, to get the bytes.
    All,
    /// Those within the hub: to get its answer about a file, not the file.
    Within,
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Result<Self, HubError> {
        let invalid = |said: String| HubError::Answer {
            wanted: "anything".into(),
            endpoint: settings.endpoint.clone(),
            said,
        };
        let endpoint = Url::parse(&settings.endpoint)
            .map_err(|error| invalid(format!("HF_ENDPOINT is not a URL ({error})")))?;
        // The TLS provider is chosen once a process; it fails if one was chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder();
        // A hub without TLS needs no certificates, which a small machine may not have.
        let builder = match endpoint.scheme() {
            "http" => builder.tls_certs_only([]),
            _ => builder,
        };
        let http = builder
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(30))
            // A connection belongs to its runtime, and each call of `wait` has its own.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("retrial/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| invalid(reason(&error)))?;
        Ok(Self { http, endpoint, settings })
    }

    /// The URL of a repository's description.
    pub(crate) fn info_url(&self, repo: &Repo) -> String {
        let kind = repo.kind().plural();
        let (name, revision) = (repo.name(), encoded(repo.revision()));
        format!("{}/api/{kind}/{name}/revision/{revision}?blobs=true", self.settings.endpoint)
    }

    /// The URL of a file at a commit.
    pub(crate) fn file_url(&self, repo: &Repo, commit: &str, file: &str) -> String {
        let mut url = self.page(repo);
        let _ = write!(url, "/resolve/{}", encoded(commit));
        for part in file.split('/') {
            let _ = write!(url, "/{}", encoded(part));
        }
        url
    }

    /// The URL of a repository's page.
    pub(crate) fn page(&self, repo: &Repo) -> String {
        let kind = match repo.kind() {
            Kind::Model => "",
            Kind::Dataset => "datasets/",
        };
        format!("{}/{kind}{}", self.settings.endpoint, repo.name())
    }

    /// Sends a request, with retries if the failure may be temporary.
    pub(crate) async fn ask(
        &self,
        method: Method,
        url: &str,
        follow: Follow,
    ) -> Result<Response, Failure> {
        let mut tried = 1;
        loop {
            match self.send(method.clone(), url, None, follow).await {
                Err(failure) if tried < TRIES && failure.may_pass() => {
                    self.pause(tried).await;
                    tried += 1;
                }
                other => return other,
            }
        }
    }

    /// The pause after this many failures.
    pub(crate) async fn pause(&self, failures: u32) {
        tokio::time::sleep(self.settings.pause * 2_u32.pow(failures.min(6) - 1)).await;
    }

    /// Sends a request once, for the bytes from an offset on if one is given.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        from: Option<u64>,
        follow: Follow,
    ) -> Result<Response, Failure> {
        let mut url =
            Url::parse(url).map_err(|error| Failure::Unexpected(format!("{url}: {error}")))?;
        for _ in 0..HOPS {
            // The size in the hub's header is that of the file itself.
            let mut request =
                self.request(method.clone(), &url).header(ACCEPT_ENCODING, "identity");
            if let Some(from) = from {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let response = request.send().await.map_err(unanswered)?;
            let status = response.status();
            if !status.is_redirection() {
                return if status.is_success() { Ok(response) } else { Err(said(response).await) };
            }
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let next = to.and_then(|to| url.join(to).ok()).ok_or_else(|| {
                Failure::Unexpected(format!("{status} does not say where the file is"))
            })?;
            if follow == Follow::Within && next.origin() != url.origin() {
                return Ok(response);
            }
            url = next;
        }
        Err(Failure::Unexpected(format!("more than {HOPS} redirects")))
    }

    /// Sends a body to a URL once, and reads the answer. Redirects are not followed.
    pub(crate) async fn post(
        &self,
        url: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Failure> {
        let url =
            Url::parse(url).map_err(|error| Failure::Unexpected(format!("{url}: {error}")))?;
        let request = self.request(Method::POST, &url).header(CONTENT_TYPE, kind).body(body);
        let response = request.send().await.map_err(unanswered)?;
        if response.status().is_success() {
            text(response).await
        } else {
            Err(said(response).await)
        }
    }

    /// A request to a URL, with the token only if it is the hub's own: redirects lead to other
    /// servers.
    pub(crate) fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let request = self.http.request(method, url.clone());
        match &self.settings.token {
            Some(token) if url.origin() == self.endpoint.origin() => {
                request.bearer_auth(token.secret())
            }
            _ => request,
        }
    }

    /// The error for a failed request about a repository.
    pub(crate) fn error(&self, repo: &Repo, file: Option<&str>, failure: Failure) -> HubError {
        let wanted = file.map_or_else(|| repo.to_string(), |file| format!("{repo}, `{file}`"));
        let endpoint = self.settings.endpoint.clone();
        let said = failure.to_string();
        let (status, code) = match failure {
            Failure::NoConnection(problem) | Failure::NoAnswer(problem) => {
                return HubError::Unreachable { wanted, endpoint, problem };
            }
            Failure::Unexpected(said) => return HubError::Answer { wanted, endpoint, said },
            Failure::Said { status, code, .. } => (status, code),
        };
        let token = self.settings.token.is_some();
        let name = repo.to_string();
        match (status.as_u16(), code.as_str()) {
            (_, "GatedRepo") => HubError::Gated { repo: name, page: self.page(repo), token },
            (401 | 403, _) => HubError::Refused { repo: name, said, token },
            (404, "RevisionNotFound") => HubError::NoRevision { repo: name },
            (404, "RepoNotFound") => HubError::NoRepository { repo: name },
            (404, _) => match file {
                Some(file) => HubError::NoFile { repo: name, file: file.into(), known: Vec::new() },
                None => HubError::NoRepository { repo: name },
            },
            _ => HubError::Answer { wanted, endpoint, said },
        }
    }
}

impl Failure {
    /// Whether the same request may succeed later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Said { status, .. } => {
                status.is_server_error() || matches!(status.as_u16(), 408 | 429)
            }
            Self::NoConnection(_) | Self::Unexpected(_) => false,
        }
    }

    /// Whether the hub is unreachable, so that the cache must be used.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::NoConnection(_)) || self.may_pass()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection(problem) | Self::NoAnswer(problem) | Self::Unexpected(problem) => {
                f.write_str(problem)
            }
            Self::Said { status, message, .. } if message.is_empty() => write!(f, "{status}"),
            Self::Said { status, message, .. } => write!(f, "{status}, {message}"),
        }
    }
}

/// A request without an answer. Its URL may have a signature, so it is not shown.
pub(crate) fn unanswered(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    match reason(&error) {
        reason if error.is_connect() => Failure::NoConnection(reason),
        reason if error.is_timeout() => {
            Failure::NoAnswer(format!("it did not answer in time: {reason}"))
        }
        reason => Failure::NoAnswer(reason),
    }
}

/// Reads an answer into memory.
pub(crate) async fn text(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
        if bytes.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Failure::Unexpected("its answer is longer than 64 MiB".into()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads an answer of the hub.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer).map_err(|error| {
        Failure::Unexpected(format!("its answer does not look like the hub's: {error}"))
    })
}

/// The message of an error: the hub gives the reason in two headers, or else in its body.
pub(crate) async fn said(response: Response) -> Failure {
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (status, code, message) =
        (response.status(), header("x-error-code"), header("x-error-message"));
    let message = if message.is_empty() { in_body(response).await } else { message };
    let message = message.trim().trim_end_matches('.').chars().take(300).collect();
    Failure::Said { status, code, message }
}

async fn in_body(response: Response) -> String {
    #[derive(serde::Deserialize)]
    struct Body {
        error: String,
    }
    let bytes = text(response).await.unwrap_or_default();
    serde_json::from_slice(&bytes).map_or_else(|_| String::new(), |Body { error }| error)
}

/// An error with its causes: the first only says that a request failed.
pub(crate) fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

fn encoded(part: &str) -> String {
    utf8_percent_encode(part, PART).to_string()
}

//! HTTP calls to one server: deadlines, bounded bodies, and errors that say what was called, the
//! answer, and what to do.

use std::error::Error;
use std::time::{Duration, SystemTime};

use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode};
use retrial_protocol::Access;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::address::Address;
use crate::client::client;
use crate::error::{CallError, Trouble};
use crate::explain::{no_json, said};
use crate::keyring::Keyring;

/// Longest answer that is read: a group of 64 responses of 32k tokens has some 300 MB.
const MAX_ANSWER_BYTES: usize = 1 << 30;
/// The limit for routes that answer with a line.
const MAX_LINE_BYTES: usize = 1 << 20;

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Caller {
    http: reqwest::Client,
    address: Address,
    timeout: Duration,
    keyring: Keyring,
}

/// An answer.
struct Body {
    status: StatusCode,
    headers: HeaderMap,
    bytes: bytes::Bytes,
}

impl Caller {
    /// A client of the server at `address`. Each call ends within `timeout`.
    pub fn new(keyring: &Keyring, address: &Address, timeout: Duration) -> Result<Self, CallError> {
        let http = client(keyring, address, timeout)?;
        Ok(Self { http, address: address.clone(), timeout, keyring: keyring.clone() })
    }

    /// A client of a policy server.
    pub fn to_server(url: &str, access: &Access, timeout: Duration) -> Result<Self, CallError> {
        Self::new(&Keyring::of(access)?, &Address::parse(url)?, timeout)
    }

    /// A client of a service of the run, with the services' token.
    pub fn to_service(url: &str, timeout: Duration) -> Result<Self, CallError> {
        Self::new(&Keyring::of_services()?, &Address::parse(url)?, timeout)
    }

    /// The server's base URL.
    pub fn url(&self) -> &str {
        self.address.as_str()
    }

    /// Deadline of a call.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// `GET route`.
    pub async fn get<T: DeserializeOwned + Send + 'static>(
        &self,
        route: &str,
    ) -> Result<T, CallError> {
        let url = self.at(route);
        let request = self.http.get(&url);
        parsed(url.clone(), self.success(&url, request, MAX_ANSWER_BYTES).await?).await
    }

    /// `POST route` with a JSON body.
    pub async fn post<T: DeserializeOwned + Send + 'static>(
        &self,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let url = self.at(route);
        let request = self.http.post(&url).json(body);
        parsed(url.clone(), self.success(&url, request, MAX_ANSWER_BYTES).await?).await
    }

    /// `POST route` where the answer may be a word or empty: `null` then.
    pub async fn tell(&self, route: &str, body: &Value) -> Result<Value, CallError> {
        let url = self.at(route);
        let request = self.http.post(&url).json(body);
        let bytes = self.success(&url, request, MAX_LINE_BYTES).await?;
        match serde_json::from_slice(&bytes) {
            Ok(answer) => Ok(answer),
            // Whoever sends a page is not the server: nothing has been done.
            Err(error) if bytes.trim_ascii_start().starts_with(b"<") => {
                Err(CallError::unusable(&url, no_json(&bytes, &error)))
            }
            Err(_) => Ok(Value::Null),
        }
    }

    /// Whether the server has a route: if it does, it rejects an empty request. A proxy's error
    /// leaves it open.
    pub async fn has(&self, route: &str) -> Result<bool, CallError> {
        let url = self.at(route);
        let request = self.http.post(&url).json(&json!({}));
        let body = self.send(&url, request, MAX_LINE_BYTES).await?;
        let status = body.status;
        if status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        match self.refused(&url, &body) {
            error if error.trouble() == Trouble::Away => Err(error),
            _ => Ok(true),
        }
    }

    fn at(&self, route: &str) -> String {
        format!("{}{route}", self.address)
    }

    async fn success(
        &self,
        url: &str,
        request: RequestBuilder,
        max_bytes: usize,
    ) -> Result<bytes::Bytes, CallError> {
        let body = self.send(url, request, max_bytes).await?;
        if body.status.is_success() { Ok(body.bytes) } else { Err(self.refused(url, &body)) }
    }

    async fn send(
        &self,
        url: &str,
        request: RequestBuilder,
        max_bytes: usize,
    ) -> Result<Body, CallError> {
        let response = request.send().await.map_err(|error| unanswered(url, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = Limited::new(reqwest::Body::from(response), max_bytes).collect().await;
        let body = body.map_err(|error| match error.downcast::<reqwest::Error>() {
            Ok(error) => unanswered(url, &error),
            Err(error) if error.is::<LengthLimitError>() => {
                CallError::unusable_for_good(url, format!("it is longer than {max_bytes} bytes"))
            }
            Err(error) => CallError::unusable(url, error.to_string()),
        })?;
        Ok(Body { status, headers, bytes: body.to_bytes() })
    }

    fn refused(&self, url: &str, Body { status, headers, bytes }: &Body) -> CallError {
        let said = said(bytes);
        let more = match *status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => self.keyring.hint(),
            status if status.is_redirection() => {
                let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
                // The query of a URL may be a secret.
                let to = to.and_then(|to| to.split('?').next()).unwrap_or("nowhere");
                format!(
                    "it redirects to {to}\n\
                     hint: is it a login page, or https instead of http? use the address that answers"
                )
            }
            StatusCode::BAD_REQUEST if !self.address.is_encrypted() && said.contains("HTTPS") => {
                "hint: write the address with https://".into()
            }
            _ => String::new(),
        };
        let body = [said, more].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        let body = body.join("\n");
        let retry_after = retry_after(headers, SystemTime::now());
        CallError::Status { url: url.into(), status: status.as_u16(), body, retry_after }
    }
}

/// All rollouts of a step may end at the same time, with megabytes to parse: use all cores.
async fn parsed<T: DeserializeOwned + Send + 'static>(
    url: String,
    bytes: bytes::Bytes,
) -> Result<T, CallError> {
    let read = tokio::task::spawn_blocking(move || {
        serde_json::from_slice(&bytes)
            .map_err(|error| CallError::unusable(&url, no_json(&bytes, &error)))
    });
    read.await.expect("reading does not panic")
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok(),
    }
}

/// reqwest's error says what it did; its innermost cause says why.
fn unanswered(url: &str, error: &reqwest::Error) -> CallError {
    if error.is_timeout() {
        return CallError::Transport { url: url.into(), problem: "past its deadline".into() };
    }
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let problem = cause.to_string();
    // A retry does not make a certificate valid.
    match tls_hint(&problem) {
        Some(hint) => CallError::unusable_for_good(url, format!("{problem}\nhint: {hint}")),
        None => CallError::Transport { url: url.into(), problem },
    }
}

/// The hint for a failed TLS handshake, by rustls's error text.
fn tls_hint(problem: &str) -> Option<&'static str> {
    if problem.contains("invalid peer certificate") {
        Some("set [server] ca_file to the authority's certificate, or check whose server this is")
    } else if problem.contains("received corrupt message") {
        Some("does it speak TLS? write http:// if it does not")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers every call with these bytes, and repeats the last without end.
    async fn answering(head: &'static str, body: &'static [u8]) -> Caller {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(body).await.is_ok() {}
        });
        Caller::new(&Keyring::default(), &Address::parse(&url).unwrap(), Duration::from_mins(1))
            .unwrap()
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up_on() {
        let caller = answering("HTTP/1.1 200 OK\r\n\r\n", &[b' '; 4096]).await;
        let url = caller.at("/");
        let error = caller.success(&url, caller.http.get(&url), 100_000).await.unwrap_err();
        assert!(error.to_string().contains("longer than 100000 bytes"), "{error}");
        assert_eq!(error.trouble(), Trouble::Final);
    }

    #[test]
    fn a_server_may_say_when_in_seconds_or_by_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:00 GMT").unwrap();
        let said = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now).map(|pause| pause.as_secs())
        };
        assert_eq!(said("7"), Some(7));
        assert_eq!(said("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!((said("soon"), said("Sun, 06 Nov 1994 08:00:00 GMT")), (None, None));
    }
}

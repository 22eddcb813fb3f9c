//! HTTP calls to the server and the trainer: deadlines, retries, and errors that say which call
//! failed and what to do.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use reqwest::redirect::Policy;
use retrial_protocol::{InvalidToken, Token};
use serde::Serialize;
use serde::de::DeserializeOwned;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const INSUFFICIENT_STORAGE: u16 = 507;
const MAX_RETRIES: usize = 5;
/// Longest answer that is read: a group of 64 responses of 32k tokens has some 300 MB.
const MAX_ANSWER_BYTES: usize = 1 << 30;
/// Longest part of an error body that is shown.
const MAX_BODY_CHARS: usize = 600;

/// Whether a call may succeed if it is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transience {
    /// It may.
    Transient,
    /// It will not.
    Permanent,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer: refused, reset, or past its deadline.
    #[error("no answer from {url}: {problem}\nhint: is it running, and is the address right?")]
    Transport {
        /// What was called.
        url: String,
        /// The reason.
        problem: String,
    },
    /// The other side said no.
    #[error("{url} answered {status}: {body}")]
    Status {
        /// What was called.
        url: String,
        /// HTTP status.
        status: u16,
        /// The beginning of its body.
        body: String,
    },
    /// The answer is not what was asked for.
    #[error("{url} sent an answer that cannot be used: {problem}")]
    Answer {
        /// What was called.
        url: String,
        /// What is wrong with it.
        problem: String,
        /// Whether asking again may help.
        transience: Transience,
    },
    /// The client could not be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
    /// The services' token cannot be used.
    #[error(transparent)]
    Token(#[from] InvalidToken),
}

impl CallError {
    /// An answer that cannot be used; asking again may help.
    pub fn unusable(url: &str, problem: String) -> Self {
        Self::Answer { url: url.into(), problem, transience: Transience::Transient }
    }

    /// An answer that cannot be used, and will not be another the next time.
    pub fn unusable_for_good(url: &str, problem: String) -> Self {
        Self::Answer { url: url.into(), problem, transience: Transience::Permanent }
    }

    /// Transport errors and 5xx may go away; a 4xx will not, and a full disk only by hand.
    pub fn transience(&self) -> Transience {
        match self {
            Self::Transport { .. } => Transience::Transient,
            Self::Status { status, .. } if *status >= 500 && *status != INSUFFICIENT_STORAGE => {
                Transience::Transient
            }
            Self::Answer { transience, .. } => *transience,
            Self::Status { .. } | Self::Client(_) | Self::Token(_) => Transience::Permanent,
        }
    }
}

/// A client whose every call ends within `timeout`. It shows the services' token, if the environment
/// has one, and follows no redirection: what is called is what was configured.
pub fn client(timeout: Duration, idle: Option<Duration>) -> Result<reqwest::Client, CallError> {
    let builder = reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .default_headers(Token::headers_to_services()?);
    let builder = match idle {
        Some(idle) => builder.pool_idle_timeout(idle),
        None => builder,
    };
    builder.build().map_err(CallError::Client)
}

/// Makes a call again, after growing pauses, while its error is transient.
pub async fn with_retries<T, F>(call: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let pauses =
        ExponentialBuilder::default().with_min_delay(FIRST_DELAY).with_max_times(MAX_RETRIES);
    call.retry(pauses)
        .when(|error| error.transience() == Transience::Transient)
        .notify(|error, pause| tracing::warn!(%error, ?pause, "a call failed; trying again"))
        .await
}

/// `GET url`.
pub async fn get<T: DeserializeOwned + Send + 'static>(
    client: &reqwest::Client,
    url: &str,
) -> Result<T, CallError> {
    answer(url, client.get(url), MAX_ANSWER_BYTES).await
}

/// `POST url` with a JSON body.
pub async fn post<T: DeserializeOwned + Send + 'static>(
    client: &reqwest::Client,
    url: &str,
    body: &impl Serialize,
) -> Result<T, CallError> {
    answer(url, client.post(url).json(body), MAX_ANSWER_BYTES).await
}

async fn answer<T: DeserializeOwned + Send + 'static>(
    url: &str,
    request: reqwest::RequestBuilder,
    max_bytes: usize,
) -> Result<T, CallError> {
    let transport =
        |error: reqwest::Error| CallError::Transport { url: url.into(), problem: root(&error) };
    let response = request.send().await.map_err(transport)?;
    let status = response.status();
    let body = Limited::new(reqwest::Body::from(response), max_bytes).collect().await;
    let body = body
        .map_err(|error| match error.downcast::<reqwest::Error>() {
            Ok(error) => transport(*error),
            Err(error) if error.is::<LengthLimitError>() => {
                let problem = format!("it is longer than {max_bytes} bytes");
                CallError::unusable_for_good(url, problem)
            }
            Err(error) => CallError::unusable(url, error.to_string()),
        })?
        .to_bytes();
    if !status.is_success() {
        return Err(CallError::Status {
            url: url.into(),
            status: status.as_u16(),
            body: String::from_utf8_lossy(&body).chars().take(MAX_BODY_CHARS).collect(),
        });
    }
    // The rollouts of a step may end all at once, with megabytes to be read: on all cores then.
    let read = tokio::task::spawn_blocking(move || serde_json::from_slice(&body)).await;
    read.expect("reading does not panic")
        .map_err(|error| CallError::unusable(url, error.to_string()))
}

/// reqwest says what it did; the cause at the bottom says why.
fn root(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "past its deadline".into();
    }
    let mut cause: &dyn Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that begins an answer and never ends it: as much of `body` as is read.
    async fn endless(body: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(body).await.is_ok() {}
        });
        url
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up_on() {
        let url = endless(&[b' '; 4096]).await;
        let request = client(Duration::from_mins(1), None).unwrap().get(&url);
        let error = answer::<serde_json::Value>(&url, request, 100_000).await.unwrap_err();
        assert!(error.to_string().contains("longer than 100000 bytes"), "{error}");
        assert_eq!(error.transience(), Transience::Permanent);
    }
}

//! A small fake hub: one data set with a small file of its own and a large one in a store at
//! another address, as on the public hub.

use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The commit of the branch `main`.
pub const COMMIT: &str = "c0ffee0123456789c0ffee0123456789c0ffee01";
/// The large file.
pub const BYTES: &[u8] = &{
    let mut bytes = [0_u8; 200_000];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = (at * 31 / 7) as u8;
        at += 1;
    }
    bytes
};
/// The SHA-256 of the large file.
pub const ETAG: &str = "4b32df245d29978c002742a89ddfea18ebff5b00278ad5a24282130bc0adad1b";

#[derive(Default)]
struct Behaviour {
    token: Option<String>,
    busy: u32,
    broken: u32,
    broken_at: Option<usize>,
    no_ranges: bool,
    ranges: Vec<Option<usize>>,
    tokens_elsewhere: u32,
    store: String,
}

type Shared = Arc<Mutex<Behaviour>>;

/// The hub, on ports of its own.
pub struct StandIn {
    pub url: String,
    shared: Shared,
}

/// Where the servers of all tests run.
pub static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

impl StandIn {
    pub fn start() -> Self {
        let shared = Shared::default();
        let hub = Router::new()
            .route("/api/datasets/{owner}/{name}/revision/{revision}", get(info))
            .route("/datasets/{owner}/{name}/resolve/{commit}/{*file}", get(file))
            .with_state(shared.clone());
        let (listener, url) = listen();
        shared.lock().unwrap().store = url;
        RUNTIME.spawn(store(listener, shared.clone()));
        let (listener, url) = listen();
        RUNTIME.spawn(async move { axum::serve(listener, hub).await });
        Self { url, shared }
    }

    fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.lock().unwrap());
    }

    /// The next downloads break off half-way.
    pub fn break_next(&self, times: u32) {
        self.set(|behaviour| behaviour.broken = times);
    }

    /// Every download breaks off at this byte of the file.
    pub fn break_at(&self, byte: usize) {
        self.set(|behaviour| behaviour.broken_at = Some(byte));
    }

    pub fn ignore_ranges(&self) {
        self.set(|behaviour| behaviour.no_ranges = true);
    }

    pub fn want_token(&self, token: &str) {
        self.set(|behaviour| behaviour.token = Some(token.into()));
    }

    /// The next requests fail temporarily.
    pub fn be_busy(&self, times: u32) {
        self.set(|behaviour| behaviour.busy = times);
    }

    /// The offsets at which downloads of the large file began.
    pub fn ranges(&self) -> Vec<Option<usize>> {
        self.shared.lock().unwrap().ranges.clone()
    }

    pub fn downloads(&self) -> usize {
        self.ranges().len()
    }

    /// Requests to the store that carried a token.
    pub fn tokens_elsewhere(&self) -> u32 {
        self.shared.lock().unwrap().tokens_elsewhere
    }
}

/// A port of this machine.
pub fn listen() -> (TcpListener, String) {
    let listener = RUNTIME.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn refused(status: StatusCode, code: &'static str) -> Response {
    (status, [("x-error-code", code), ("x-error-message", "it is so")]).into_response()
}

/// The answer to a request without access.
fn refusal(shared: &Shared, headers: &HeaderMap) -> Option<Response> {
    let mut behaviour = shared.lock().unwrap();
    if behaviour.busy > 0 {
        behaviour.busy -= 1;
        return Some(StatusCode::SERVICE_UNAVAILABLE.into_response());
    }
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    match &behaviour.token {
        Some(token) if given != Some(&format!("Bearer {token}")) => {
            Some(refused(StatusCode::UNAUTHORIZED, "RepoNotFound"))
        }
        _ => None,
    }
}

async fn info(
    State(shared): State<Shared>,
    Path((_, name, revision)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = refusal(&shared, &headers) {
        return response;
    }
    let listed = |files: &str| {
        let body = format!(r#"{{"sha": "{COMMIT}", "private": false, "siblings": [{files}]}}"#);
        ([("content-type", "application/json")], body).into_response()
    };
    match (name.as_str(), revision.as_str()) {
        ("gated", _) => refused(StatusCode::FORBIDDEN, "GatedRepo"),
        ("evil", _) => listed(r#"{"rfilename": "../../outside"}"#),
        ("odd", _) => "<html>".into_response(),
        ("sums", "main") => listed(
            r#"{"rfilename": "data/large.bin", "size": 200000, "lfs": {"sha256": "x"}},
               {"rfilename": "data/small.json", "size": 2}"#,
        ),
        ("sums", _) => refused(StatusCode::NOT_FOUND, "RevisionNotFound"),
        _ => refused(StatusCode::NOT_FOUND, "RepoNotFound"),
    }
}

async fn file(
    State(shared): State<Shared>,
    Path((_, _, commit, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = refusal(&shared, &headers) {
        return response;
    }
    assert_eq!(commit, COMMIT, "files are asked for at a commit");
    match file.as_str() {
        "data/small.json" => ([("etag", "\"abc123\"")], "{}").into_response(),
        "data/large.bin" => {
            let store = format!("{}/{ETAG}", shared.lock().unwrap().store);
            let headers = [
                ("location", store),
                ("x-linked-etag", format!("\"{ETAG}\"")),
                ("x-linked-size", BYTES.len().to_string()),
            ];
            (StatusCode::FOUND, headers).into_response()
        }
        _ => refused(StatusCode::NOT_FOUND, "EntryNotFound"),
    }
}

/// The store to which the hub redirects downloads. It speaks plain bytes, so that the number of bytes
/// before a connection breaks is exact.
async fn store(listener: TcpListener, shared: Shared) {
    while let Ok((mut connection, _)) = listener.accept().await {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(connection.read_u8().await.unwrap());
        }
        let request = String::from_utf8(request).unwrap().to_lowercase();
        let (head, body) = answer(&mut shared.lock().unwrap(), &request);
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body).await.unwrap();
    }
}

/// The head of an answer and as much of its body as comes before the connection breaks.
fn answer(behaviour: &mut Behaviour, request: &str) -> (String, &'static [u8]) {
    behaviour.tokens_elsewhere += u32::from(request.contains("\r\nauthorization:"));
    let range = request.split_once("range: bytes=").and_then(|(_, range)| range.split_once('-'));
    let range: Option<usize> = range.and_then(|(from, _)| from.parse().ok());
    behaviour.ranges.push(range);
    let range = range.filter(|_| !behaviour.no_ranges);
    let from = range.unwrap_or(0);
    let until = match behaviour.broken_at {
        Some(byte) => byte.max(from),
        None if behaviour.broken > 0 => {
            behaviour.broken -= 1;
            from + (BYTES.len() - from) / 2
        }
        None => BYTES.len(),
    };
    let (whole, length) = (BYTES.len(), BYTES.len() - from);
    let status = match range {
        Some(_) => {
            format!("206 Partial Content\r\ncontent-range: bytes {from}-{}/{whole}", whole - 1)
        }
        None => "200 OK".into(),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    (head, &BYTES[from..until])
}

//! Files written to a repository: small ones in the commit, large ones into the store before it.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use retrial_hub::{Content, Hub, HubError, Repo, Settings, Token, Upload, silent, wait};
use serde_json::{Value, json};

use super::settings;
use super::stand_in::{RUNTIME, listen};

/// What was sent to the hub and its store: method, path, body, and whether there was a token.
type Sent = Arc<Mutex<Vec<(String, Bytes, bool)>>>;

#[derive(Clone)]
struct Server {
    sent: Sent,
    /// The address of the store, which is another host.
    store: String,
}

async fn hub(
    State(Server { sent, store }): State<Server>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let token = headers.get("authorization").is_some_and(|value| value == "Bearer secret");
    sent.lock().unwrap().push((format!("{method} {path}"), body.clone(), token));
    if path.starts_with("/store/") {
        return ([("etag", format!("\"{}\"", path.len()))], "").into_response();
    }
    if !token {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    match path.as_str() {
        "/api/repos/create" => StatusCode::CONFLICT.into_response(),
        "/api/models/ann/tiny/preupload/main" => {
            let mode = |file: &Value| {
                let large = file["size"].as_u64() > Some(10);
                json!({ "path": file["path"], "uploadMode": if large { "lfs" } else { "regular" } })
            };
            let files: Vec<Value> = json["files"].as_array().unwrap().iter().map(mode).collect();
            Json(json!({ "files": files })).into_response()
        }
        "/ann/tiny.git/info/lfs/objects/batch" => {
            let size = json["objects"][0]["size"].as_u64().unwrap();
            let upload = if size > 20 {
                let part = |n: u32| format!("{store}/store/part{n}");
                let header = json!({ "chunk_size": "20", "00001": part(1), "00002": part(2) });
                json!({ "href": format!("http://{}/complete", headers["host"].to_str().unwrap()),
                        "header": header })
            } else {
                json!({ "href": format!("{store}/store/whole") })
            };
            Json(json!({ "objects": [{ "actions": { "upload": upload } }] })).into_response()
        }
        "/complete" => "{}".into_response(),
        "/api/models/ann/tiny/commit/main" => {
            Json(json!({ "commitOid": "c0ffee", "commitUrl": "http://x" })).into_response()
        }
        other => panic!("{other}"),
    }
}

/// A hub and its store.
fn start() -> (String, Sent) {
    let sent = Sent::default();
    let mut urls = Vec::new();
    for _ in 0..2 {
        let (listener, url) = listen();
        let store = urls.first().cloned().unwrap_or_default();
        let server = Server { sent: sent.clone(), store };
        let router = Router::new().fallback(hub).with_state(server);
        RUNTIME.spawn(async move { axum::serve(listener, router).await });
        urls.push(url);
    }
    (urls.pop().unwrap(), sent)
}

#[test]
fn files_are_written_in_one_commit() {
    let (url, sent) = start();
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    std::fs::write(&large, "0123456789012345678901234").unwrap();
    let file = |path: &str, content| Upload { path: path.into(), content };
    let files = [
        file("README.md", Content::Bytes(b"# Tiny".into())),
        file("model.safetensors", Content::File(large)),
        file("small.bin", Content::Bytes(b"012345678901234".into())),
    ];
    let repo = Repo::model("ann/tiny").unwrap();
    let written = Settings { token: Token::new("secret"), ..settings(&url, folder.path()) };
    let hub = Hub::new(written).unwrap();
    let commit = wait(async {
        hub.create(&repo, true).await?;
        hub.commit(&repo, "A tiny model", &files, &silent()).await
    });
    assert_eq!(commit.unwrap(), "c0ffee");
    let sent = sent.lock().unwrap();
    let body = |what: &str| {
        let found = sent.iter().find(|(path, ..)| path == what);
        let (_, body, token) = found.unwrap_or_else(|| panic!("{what} was not sent"));
        (String::from_utf8(body.to_vec()).unwrap(), *token)
    };
    assert_eq!(body("PUT /store/part1"), ("01234567890123456789".into(), false));
    assert_eq!(body("PUT /store/part2"), ("01234".into(), false));
    assert_eq!(body("PUT /store/whole"), ("012345678901234".into(), false));
    assert!(body("POST /complete").0.contains("\"partNumber\":2"));
    let (commit, token) = body("POST /api/models/ann/tiny/commit/main");
    assert!(token);
    let lines: Vec<Value> =
        commit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["value"]["summary"], "A tiny model");
    assert_eq!(lines[1]["value"]["content"], "IyBUaW55");
    assert_eq!((&lines[2]["key"], &lines[2]["value"]["size"]), (&json!("lfsFile"), &json!(25)));
    assert_eq!(lines[3]["value"]["path"], "small.bin");
}

#[test]
fn writing_needs_a_token_and_a_path_inside() {
    let (url, _) = start();
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::new(settings(&url, folder.path())).unwrap();
    let repo = Repo::model("ann/tiny").unwrap();
    let error = wait(hub.create(&repo, false)).unwrap_err();
    assert!(error.to_string().contains("HF_TOKEN"), "{error}");
    let outside = Upload { path: "../x".into(), content: Content::Bytes(Vec::new()) };
    let error = wait(hub.commit(&repo, "x", &[outside], &silent())).unwrap_err();
    assert!(matches!(error, HubError::BadName { .. }), "{error}");
}

//! HTTP calls, as `curl` would make them, with the key of the server if there is one.

use reqwest::RequestBuilder;
use serde_json::Value;

/// The variable that has the key of a real server, where that wants one.
pub const KEY: &str = "RETRIAL_SERVER_KEY";

/// The status and the JSON of an answer.
pub type Answer = (u16, Value);

/// `GET url`.
pub async fn get(url: &str) -> Answer {
    send(url, retrial_servers::plain_client().get(url)).await
}

/// `POST url` with a JSON body.
pub async fn post(url: &str, body: &Value) -> Answer {
    send(url, retrial_servers::plain_client().post(url).json(body)).await
}

async fn send(url: &str, request: RequestBuilder) -> Answer {
    let request = match std::env::var(KEY) {
        Ok(key) => request.bearer_auth(key),
        Err(_) => request,
    };
    let response = request.send().await.unwrap_or_else(|error| panic!("{url}: {error}"));
    let status = response.status().as_u16();
    let text = response.text().await.expect("an answer has a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

//! HTTP calls, as `curl` would make them.

use serde_json::Value;

/// The status and the JSON of an answer.
pub type Answer = (u16, Value);

/// `GET url`.
pub async fn get(url: &str) -> Answer {
    answer(
        retrial_servers::plain_client()
            .get(url)
            .send()
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}")),
    )
    .await
}

/// `POST url` with a JSON body.
pub async fn post(url: &str, body: &Value) -> Answer {
    let sent = retrial_servers::plain_client().post(url).json(body).send().await;
    answer(sent.unwrap_or_else(|error| panic!("{url}: {error}"))).await
}

async fn answer(response: reqwest::Response) -> Answer {
    let status = response.status().as_u16();
    let text = response.text().await.expect("an answer has a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

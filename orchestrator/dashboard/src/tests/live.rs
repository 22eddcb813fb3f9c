//! Changes while a page is open.

use std::time::Duration;

use retrial_protocol::Step;

use super::fixture::Log;

/// Reads events until one of them has this text.
async fn wait_for(answer: &mut reqwest::Response, text: &str) -> String {
    let mut read = String::new();
    let found = tokio::time::timeout(Duration::from_secs(20), async {
        while !read.contains(text) {
            let chunk = answer.chunk().await.unwrap().expect("the stream goes on");
            read.push_str(&String::from_utf8_lossy(&chunk));
        }
    });
    assert!(found.await.is_ok(), "`{text}` is not among the events: {read}");
    read
}

#[tokio::test]
async fn a_change_of_the_log_is_told() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let before = asked.json("/api/runs/one/panels/reward").await;
    assert_eq!(before["x"].as_array().unwrap().len(), 3);
    let mut events = asked.get("/events?run=one").await;
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    wait_for(&mut events, "event: status").await;
    // It does not know what happened before it connected.
    wait_for(&mut events, "event: changed").await;
    log.step(Step(4)).await;
    let read = wait_for(&mut events, "event: changed").await;
    assert!(!read.contains("error"), "{read}");
    let after = asked.json("/api/runs/one/panels/reward").await;
    assert_eq!(after["x"].as_array().unwrap().len(), 4, "what was kept is read again");
}

#[tokio::test]
async fn listeners_have_a_limit() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let mut open = Vec::new();
    for _ in 0..crate::site::LISTENERS {
        let answer = asked.get("/events").await;
        assert_eq!(answer.status(), 200);
        open.push(answer);
    }
    assert_eq!(asked.get("/events").await.status(), 503);
}

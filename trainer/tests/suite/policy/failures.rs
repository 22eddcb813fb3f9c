//! A forward pass in which libtorch fails: its requests get the reason, and the server continues.

use serde_json::{Value, json};

use super::fixture::{Server, Setup, VOCABULARY, ask, prompt};

fn message(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap()
}

#[tokio::test]
async fn a_prompt_that_cannot_be_computed_is_answered_with_the_reason() {
    let claims = Some((100, VOCABULARY + 50));
    let server = Server::with(Setup { claims, ..Setup::default() }).await;
    let sound = ask(&prompt(1, 20), json!({}));
    let expected = server.choice(sound.clone()).await;
    // Together with a valid one, which is computed in a batch of its own.
    let unknown = ask(&[1, 2, VOCABULARY as u32 + 3], json!({ "n": 3 }));
    let sound_beside = ask(&prompt(1, 40), json!({}));
    let (failed, beside) = tokio::join!(
        server.post("/v1/completions", &unknown),
        server.post("/v1/completions", &sound_beside)
    );
    let (status, answer) = failed;
    assert_eq!(status, 500, "{answer}");
    let expected_message = "the forward pass failed: libtorch: index out of range in self";
    assert_eq!(message(&answer), expected_message);
    assert_eq!(beside.0, 200, "{}", beside.1);
    assert_eq!(server.choice(sound).await, expected);
    assert_eq!(server.metric("num_requests_waiting").await, 0);
}

#[tokio::test]
async fn a_failure_between_tokens_fails_what_is_in_flight_and_nothing_later() {
    // The cache has room for 32 tokens of a sequence.
    let claims = Some((100, VOCABULARY));
    let setup = Setup { context: 32, max_sequences: 2, claims, ..Setup::default() };
    let server = Server::with(setup).await;
    let sound = ask(&prompt(1, 20), json!({ "max_tokens": 8 }));
    let expected = server.choice(sound.clone()).await;
    // Two of the four are sampled while two wait: none of them is answered.
    let long = ask(&prompt(2, 20), json!({ "max_tokens": 40, "n": 4 }));
    let (status, answer) = server.post("/v1/completions", &long).await;
    assert_eq!(status, 500, "{answer}");
    assert!(message(&answer).starts_with("the forward pass failed: libtorch: "), "{answer}");
    assert_eq!(server.choice(sound).await, expected);
    for gauge in ["num_requests_running", "num_requests_waiting"] {
        assert_eq!(server.metric(gauge).await, 0);
    }
}

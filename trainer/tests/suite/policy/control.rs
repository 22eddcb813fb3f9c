//! Pausing, replacing the weights, labels, and clients that disconnect.

use std::time::Duration;

use serde_json::{Value, json};

use super::fixture::{Choice, Reference, Server, Setup, ask, distance, prompt};

const TOLERANCE: f64 = 1e-4;

/// A server on which a response can take long.
async fn patient() -> Server {
    Server::with(Setup { context: 4000, max_sequences: 8, ..Setup::default() }).await
}

/// Waits until `tokens` more tokens have been sampled.
async fn tokens(server: &Server, tokens: usize) {
    server.wait_for("generation_tokens_total", |n| n >= tokens).await;
}

/// A request that is still in flight when a test looks at it.
fn endless(n: u32) -> Value {
    ask(&prompt(1, 20), json!({ "max_tokens": 3900, "n": n }))
}

fn none() -> Value {
    json!({})
}

#[tokio::test]
async fn abort_ends_responses_as_they_are() {
    let server = patient().await;
    let pause = async {
        tokens(&server, 10).await;
        server.control("/pause", &none()).await
    };
    let (choice, paused) = tokio::join!(server.choice(endless(1)), pause);
    assert_eq!(paused, json!({ "status": "paused" }));
    assert_eq!(choice.finish, "abort");
    assert!((10..3900).contains(&choice.tokens.len()));
    assert_eq!(server.get_json("/is_paused").await, json!({ "is_paused": true }));
    assert_eq!(server.control("/resume", &none()).await, json!({ "status": "resumed" }));
    assert_eq!(server.get_json("/is_paused").await, json!({ "is_paused": false }));
    // The partial response is what a shorter response would have been.
    let length = choice.tokens.len();
    let again = server.choice(ask(&prompt(1, 20), json!({ "max_tokens": length }))).await;
    assert_eq!((again.tokens, again.logprobs), (choice.tokens, choice.logprobs));
}

#[tokio::test]
async fn wait_finishes_what_is_in_flight_and_holds_what_comes_later() {
    let server = patient().await;
    let (first, second) = (
        ask(&prompt(1, 20), json!({ "max_tokens": 400, "n": 12 })),
        ask(&prompt(2, 20), json!({ "max_tokens": 5 })),
    );
    let later = async {
        tokens(&server, 10).await;
        let late = async {
            // From the moment the pause is confirmed, requests are held.
            while server.get_json("/is_paused").await["is_paused"] == false {}
            server.choice(second.clone()).await
        };
        let resume = async {
            server.control("/pause?mode=wait", &none()).await;
            assert_eq!(server.metric("num_requests_running").await, 0);
            let waiting = server.wait_for("num_requests_waiting", |n| n > 0).await;
            assert_eq!(waiting, 1);
            assert_eq!(server.metric("generation_tokens_total").await, 12 * 400);
            server.control("/resume", &none()).await;
        };
        tokio::join!(late, resume).0
    };
    let (choices, late) = tokio::join!(server.choices(first), later);
    assert!(choices.iter().all(|choice| choice.finish == "length"));
    assert_eq!(late, server.choice(second.clone()).await);
}

#[tokio::test]
async fn keep_without_clearing_goes_on_as_if_nothing_had_happened() {
    let server = patient().await;
    let (choices, ()) = tokio::join!(server.choices(endless(2)), async {
        tokens(&server, 20).await;
        server.control("/pause?mode=keep&clear_cache=false", &none()).await;
        let before = server.metric("generation_tokens_total").await;
        assert_eq!(server.metric("num_requests_running").await, 2);
        assert_eq!(server.metric("generation_tokens_total").await, before);
        server.control("/resume", &none()).await;
        tokens(&server, before + 100).await;
        server.control("/pause?mode=abort", &none()).await;
        server.control("/resume", &none()).await;
    });
    let length = choices[0].tokens.len();
    let body = ask(&prompt(1, 20), json!({ "max_tokens": length, "n": 2 }));
    for (choice, whole) in choices.iter().zip(server.choices(body).await) {
        assert_eq!(choice.tokens, whole.tokens);
        assert_eq!(choice.logprobs, whole.logprobs);
    }
}

#[tokio::test]
async fn keep_computes_the_cache_anew() {
    let server = patient().await;
    let reference = Reference::load(server.folder());
    let (choices, before) = tokio::join!(server.choices(endless(3)), async {
        tokens(&server, 30).await;
        server.control("/pause?mode=keep", &none()).await;
        assert_eq!(server.metric("num_requests_waiting").await, 3);
        let before = server.metric("generation_tokens_total").await;
        server.control("/resume", &none()).await;
        tokens(&server, before + 300).await;
        server.control("/pause?mode=abort", &none()).await;
        before
    });
    assert_eq!(server.metric("num_preemptions_total").await, 3);
    assert_eq!(server.metric("prompt_tokens_total").await, 20);
    for choice in choices {
        assert!(choice.tokens.len() >= before / 3 + 100);
        let expected = reference.score(&prompt(1, 20), &choice.tokens, 1.0);
        assert!(distance(&choice.logprobs, &expected) < TOLERANCE);
    }
}

/// Whether the first `k` log-probs are the old model's and the others the new one's, for some k.
fn switched(prompt: &[u32], choice: &Choice, old: &Reference, new: &Reference) -> Option<usize> {
    let (old, new) =
        (old.score(prompt, &choice.tokens, 1.0), new.score(prompt, &choice.tokens, 1.0));
    (0..=choice.tokens.len()).find(|&k| {
        let expected = [&old[..k], &new[k..]].concat();
        distance(&choice.logprobs, &expected) < TOLERANCE
    })
}

#[tokio::test]
async fn weights_can_be_replaced_under_a_response() {
    // With a pause of each kind that keeps sequences, and without any.
    for pause in [Some("/pause?mode=keep"), Some("/pause?mode=keep&clear_cache=false"), None] {
        let server = patient().await;
        let weights = server.weights(2);
        let (choice, before) = tokio::join!(server.choice(endless(1)), async {
            tokens(&server, 20).await;
            if let Some(pause) = pause {
                server.control(pause, &none()).await;
            }
            let before = server.metric("generation_tokens_total").await;
            assert_eq!(server.reload(&weights).await, (200, json!({ "results": [null] })));
            server.control("/resume", &none()).await;
            tokens(&server, before + 100).await;
            server.control("/pause?mode=abort", &none()).await;
            before
        });
        let old = Reference::load(server.folder());
        let new = Reference::load(server.folder()).reload(&weights);
        let at =
            switched(&prompt(1, 20), &choice, &old, &new).expect("a clean cut between the weights");
        if pause.is_some() {
            assert_eq!(at, before);
        } else {
            assert!((before..choice.tokens.len()).contains(&at), "{before} {at}");
        }
    }
}

#[tokio::test]
async fn a_reload_changes_what_is_served_and_a_label_says_so() {
    let server = Server::start().await;
    let prompt = prompt(3, 40);
    let body = ask(&prompt, json!({ "prompt_logprobs": 0, "max_tokens": 1 }));
    let scores = |answer: &Value| -> Vec<f32> {
        let scores = answer["choices"][0]["prompt_logprobs"].as_array().unwrap();
        let own = |(score, token): (&Value, &u32)| score[token.to_string()]["logprob"].as_f64();
        scores.iter().zip(&prompt).skip(1).map(|pair| own(pair).unwrap() as f32).collect()
    };
    let first = server.complete(body.clone()).await;
    assert_eq!(server.get_json("/weight_info").await, json!({ "weight_version": "default" }));

    let weights = server.weights(2);
    let reference = Reference::load(server.folder()).reload(&weights);
    let expected = reference.score(&prompt[..1], &prompt[1..], 1.0);
    assert!(distance(&scores(&first), &expected) > 0.1);
    server.control("/pause?mode=keep&clear_cache=true", &none()).await;
    assert_eq!(server.reload(&weights).await.0, 200);
    let cleared = server.control("/reset_prefix_cache", &none()).await;
    assert_eq!(cleared, json!({ "success": true }));
    let label = server.control("/update_weight_version", &json!({ "new_version": "1" })).await;
    assert_eq!(label, json!({ "success": true, "new_version": "1" }));
    assert_eq!(server.get_json("/weight_info").await, json!({ "weight_version": "1" }));
    server.control("/resume", &none()).await;
    let second = server.complete(body.clone()).await;
    assert!(distance(&scores(&second), &expected) < TOLERANCE);
    assert_eq!(second["weight_version"], "1");

    // Back to the first weights: the same numbers.
    assert_eq!(server.reload(server.folder()).await.0, 200);
    let back = server.complete(body).await;
    assert_eq!(scores(&back), scores(&first));
    assert_eq!(back["choices"][0]["token_ids"], first["choices"][0]["token_ids"]);
}

#[tokio::test]
async fn a_failed_reload_leaves_the_old_weights() {
    let server = Server::start().await;
    let body = ask(&prompt(3, 9), json!({}));
    let before = server.choice(body.clone()).await;
    let broken = server.weights(2);
    let file = broken.join("model.safetensors");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let missing = server.folder().join("nowhere");
    for (folder, problem) in [(&missing, "cannot read"), (&broken, "is not valid")] {
        let (status, answer) = server.reload(folder).await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert_eq!((status, &answer["error"]["type"]), (500, &json!("InternalServerError")));
        assert!(message.starts_with("Call to collective_rpc method failed: Worker failed"));
        assert!(message.contains(problem), "{message}");
        assert_eq!(server.choice(body.clone()).await, before);
    }
    // Without a path, the last folder that worked is read again.
    let again = server.control("/collective_rpc", &json!({ "method": "reload_weights" })).await;
    assert_eq!(again, json!({ "results": [null] }));
    assert_eq!(server.choice(body).await, before);
}

#[tokio::test]
async fn weights_that_are_not_numbers_are_an_error_and_leave_no_trace() {
    let server = patient().await;
    let body = ask(&prompt(3, 9), json!({ "max_tokens": 50, "n": 8 }));
    let before = server.choices(body.clone()).await;
    let poisoned = server.weights(2);
    let model = retrial_trainer::model::Decoder::load(server.folder(), tch::Device::Cpu).unwrap();
    let tensors: Vec<_> = model
        .parameters()
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.full_like(f64::NAN)))
        .collect();
    retrial_trainer::model::write_tensors(
        &poisoned.join("model.safetensors"),
        &tensors,
        tch::Kind::Float,
    )
    .unwrap();
    let request = endless(8);
    let ((status, answer), ()) = tokio::join!(server.post("/v1/completions", &request), async {
        tokens(&server, 8 * 50 + 30).await;
        assert_eq!(server.reload(&poisoned).await.0, 200);
    });
    assert_eq!(status, 400);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Out of range float values are not JSON compliant"), "{message}");
    let (status, _) = server.post("/v1/completions", &body).await;
    assert_eq!(status, 400);
    assert_eq!(server.reload(server.folder()).await.0, 200);
    assert_eq!(server.choices(body).await, before);
}

#[tokio::test]
async fn a_client_that_hangs_up_gives_its_places_up() {
    let server = patient().await;
    let long = endless(12);
    for pause in [true, false] {
        let request = server.post("/v1/completions", &long);
        let hang_up = async {
            server.wait_for("num_requests_running", |n| n == 8).await;
            if pause {
                server.control("/pause?mode=keep&clear_cache=false", &none()).await;
                assert_eq!(server.metric("num_requests_running").await, 8);
            }
        };
        tokio::select! {
            answer = request => panic!("{answer:?}"),
            () = hang_up => {}
        }
        server.wait_for("num_requests_running", |n| n == 0).await;
        server.wait_for("num_requests_waiting", |n| n == 0).await;
        server.control("/resume", &none()).await;
    }
    let choice = server.choice(ask(&prompt(1, 20), json!({ "max_tokens": 5 }))).await;
    assert_eq!(choice.tokens.len(), 5);
}

#[tokio::test]
async fn pausing_twice_and_resuming_twice_is_no_error() {
    let server = Server::start().await;
    for mode in ["keep", "wait", "abort", "keep"] {
        let paused = server.control(&format!("/pause?mode={mode}"), &none()).await;
        assert_eq!(paused, json!({ "status": "paused" }));
    }
    for _ in 0..2 {
        server.control("/resume", &none()).await;
    }
    let body = ask(&[5, 6], none());
    let answer = tokio::time::timeout(Duration::from_secs(30), server.choice(body)).await;
    assert_eq!(answer.unwrap().finish, "length");
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router, routing::post};
use retrial_grader::Verdict;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{open, reason, reward, submission};

/// A service that answers the call of each number by this.
type Answer = fn(usize, Vec<Value>) -> Result<Vec<Value>, StatusCode>;

#[derive(Clone)]
struct Service {
    answer: Answer,
    calls: Arc<AtomicUsize>,
}

async fn verdicts(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    if headers.get("x-team").is_none_or(|team| team != "blue") {
        return Err(StatusCode::FORBIDDEN);
    }
    let submissions = body["submissions"].as_array().unwrap().clone();
    let call = service.calls.fetch_add(1, Ordering::SeqCst);
    Ok(Json(json!({"verdicts": (service.answer)(call, submissions)?})))
}

async fn serve(answer: Answer, more: Value) -> (Value, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let service = Service { answer, calls: Arc::clone(&calls) };
    let app = Router::new().route("/verify", post(verdicts)).with_state(service);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/verify", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut keys = json!({"kind": "http", "url": url, "headers": {"x-team": "blue"}});
    keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (keys, calls)
}

fn right(submission: &Value) -> Value {
    json!({"id": submission["id"], "reward": submission["gold"] == submission["answer"]})
}

#[tokio::test]
async fn batches_are_posted_and_a_service_that_is_away_is_asked_again() {
    let answer: Answer = |call, all| match call {
        0 => Err(StatusCode::SERVICE_UNAVAILABLE),
        _ => Ok(all.iter().rev().map(right).collect()),
    };
    let (keys, calls) = serve(answer, json!({"batch": 8, "workers": 1})).await;
    let verifiers = open(keys).await;
    let all = (0..20).map(|n| submission(n, "1", &format!("\\boxed{{{}}}", n % 2))).collect();
    let judgements = verifiers.judge(all).await.unwrap();
    for (n, judgement) in judgements.iter().enumerate() {
        assert_eq!(reward(judgement), Some((n % 2) as f64));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1 + 3);
}

#[tokio::test]
async fn a_submission_that_the_service_cannot_handle_fails_alone() {
    let answer: Answer = |_, all| {
        if all.iter().any(|of| of["response"] == "poison") {
            return Err(StatusCode::UNPROCESSABLE_ENTITY);
        }
        let forgotten = |of: &&Value| of["response"] != "forgotten";
        Ok(all.iter().filter(forgotten).map(right).collect())
    };
    let (keys, _) = serve(answer, json!({})).await;
    let verifiers = open(keys).await;
    let mut all: Vec<_> = (0..10).map(|n| submission(n, "1", "\\boxed{1}")).collect();
    all[2].response = "poison".into();
    all[5].response = "forgotten".into();
    let judgements = verifiers.judge(all).await.unwrap();
    for (n, judgement) in judgements.iter().enumerate() {
        let expected = match n {
            2 => "422",
            5 => "no verdict with this id",
            _ => {
                assert_eq!(judgement.verdict, Verdict::Correct, "{n}");
                continue;
            }
        };
        assert_eq!((judgement.verdict, reward(judgement)), (Verdict::Timeout, None));
        assert!(reason(judgement).contains(expected), "{judgement:?}");
    }
}

#[tokio::test]
async fn a_service_that_does_not_let_us_in_stops_the_run() {
    let (mut keys, _) = serve(|_, _| Ok(Vec::new()), json!({})).await;
    keys["headers"] = json!({});
    let verifiers = open(keys).await;
    let all = (0..20).map(|n| submission(n, "1", "1")).collect();
    let error = verifiers.judge(all).await.unwrap_err().to_string();
    assert!(error.contains("403") && error.contains("[reward] api_key_env"), "{error}");
}

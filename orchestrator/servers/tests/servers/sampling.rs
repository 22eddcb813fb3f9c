//! Rollouts from servers that fail.

use std::time::Duration;

use retrial_servers::{Limits, Outcome, PoolError};
use serde_json::{Value, json};

use crate::standin::{Kind, Reply, Standin};
use crate::{LIMITS, REQUEST, VERSION, pool};

const ROUTE: &str = "/v1/completions";

/// The tokens of a group whose responses all arrived.
fn tokens(outcomes: &[Outcome]) -> Vec<u32> {
    let token = |outcome: &Outcome| match outcome {
        Outcome::Sampled(sampled) => sampled.tokens[0],
        Outcome::GivenUp { reason } => panic!("{reason}"),
    };
    outcomes.iter().map(token).collect()
}

#[tokio::test]
async fn what_a_gateway_says_for_a_while_is_waited_for() {
    for status in [404, 408, 413, 429, 502, 503, 504] {
        let server = Standin::start(Kind::Vllm).await;
        // More failures than a server, or a run, may have.
        let limits = Limits { failures: 2, budget: 2, ..LIMITS };
        server.reply(ROUTE, vec![Reply::status(status).with("retry-after", "0"); 5]);
        let outcomes = pool(&[&server.url], limits).await.ask(VERSION, REQUEST).await.unwrap();
        assert_eq!(tokens(&outcomes), [10, 11], "{status}");
        assert_eq!(server.asked(ROUTE).len(), 6, "{status}");
    }
}

#[tokio::test]
async fn time_decides_when_a_server_that_is_away_is_given_up() {
    let server = Standin::start(Kind::Vllm).await;
    server.always(ROUTE, Reply::status(503));
    let limits = Limits { failures: 2, budget: 2, ..LIMITS };
    let pool = pool(&[&server.url], limits).await.patient(Duration::from_millis(200));
    let error = pool.ask(VERSION, REQUEST).await.unwrap_err();
    assert!(matches!(error, PoolError::Patience { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("answered 503") && text.contains("patience_seconds"), "{text}");
    assert!(server.asked(ROUTE).len() > 3, "{:?}", server.asked(ROUTE).len());
}

#[tokio::test]
async fn one_of_two_servers_that_is_away_leaves_the_work_to_the_other() {
    let (away, there) = (Standin::start(Kind::Vllm).await, Standin::start(Kind::Vllm).await);
    away.always(ROUTE, Reply::status(429).with("retry-after", "3600"));
    let pool = pool(&[&away.url, &there.url], LIMITS).await;
    for _ in 0..8 {
        tokens(&pool.ask(VERSION, REQUEST).await.unwrap());
    }
    assert_eq!((away.asked(ROUTE).len(), there.asked(ROUTE).len()), (1, 8));
}

#[tokio::test]
async fn what_will_never_change_stops_at_once() {
    for status in [400, 401, 403] {
        let server = Standin::start(Kind::Vllm).await;
        server.always(ROUTE, Reply::status(status));
        let pool = pool(&[&server.url], LIMITS).await;
        let error = pool.ask(VERSION, REQUEST).await.unwrap_err().to_string();
        assert!(error.contains(&format!("answered {status}: told to")), "{error}");
        assert_eq!(error.contains("[server] api_key_env"), status != 400, "{error}");
        assert_eq!(server.asked(ROUTE).len(), 1);
    }
}

#[tokio::test]
async fn wrong_answers_use_up_the_budget() {
    let server = Standin::start(Kind::Vllm).await;
    server.always(ROUTE, Reply::status(500));
    let limits = Limits { failures: 100, ..LIMITS };
    let error = pool(&[&server.url], limits).await.ask(VERSION, REQUEST).await.unwrap_err();
    assert!(matches!(error, PoolError::Budget { failed: 21, .. }), "{error}");
    assert!(error.to_string().contains("error_budget"), "{error}");
}

/// Response 1 of a group is changed by `spoil`, under the seeds for which `is_bad`.
async fn bad_response(
    is_bad: impl Fn(u64) -> bool + Send + Sync + 'static,
    spoil: fn(&mut Value),
) -> (Standin, Vec<Outcome>) {
    let server = Standin::spoiling(Kind::Vllm, move |request, answer| {
        let choices = answer["choices"].as_array_mut().unwrap();
        // Requested alone, it is the only one.
        let at = choices.len() - 1;
        if is_bad(request["seed"].as_u64().unwrap()) {
            spoil(&mut choices[at]);
        }
    });
    let server = server.await;
    // A failure of one response does not count against a server that can produce the others.
    let limits = Limits { failures: 1, budget: 0, ..LIMITS };
    let outcomes = pool(&[&server.url], limits).await.ask(VERSION, REQUEST).await.unwrap();
    (server, outcomes)
}

fn repeats(choice: &mut Value) {
    choice["finish_reason"] = json!("repetition");
}

fn lacks_a_number(choice: &mut Value) {
    choice["logprobs"]["token_logprobs"] = json!([null]);
}

#[tokio::test]
async fn a_response_that_always_fails_is_asked_for_with_another_seed() {
    let own = REQUEST.seed.0 >> 1 & !0xffff;
    let (server, outcomes) = bad_response(move |seed| seed == own, repeats).await;
    assert_eq!(tokens(&outcomes), [10, 10], "the second one came alone");
    let asked = server.asked(ROUTE);
    assert_eq!(asked.last().unwrap()["n"], 1);
    assert_ne!(asked.last().unwrap()["seed"], own);
}

#[tokio::test]
async fn a_response_that_no_seed_helps_is_given_up_alone_and_said() {
    for (spoil, reason) in [
        (repeats as fn(&mut Value), "ended with `repetition`"),
        (lacks_a_number, "has the log-probability null for its token 0"),
    ] {
        let (server, outcomes) = bad_response(|_| true, spoil).await;
        assert!(matches!(&outcomes[0], Outcome::Sampled(_)), "{outcomes:?}");
        let Outcome::GivenUp { reason: said } = &outcomes[1] else { panic!("{outcomes:?}") };
        assert!(said.contains(reason), "{said}");
        assert_eq!(server.asked(ROUTE).len(), 6);
    }
}

#[tokio::test]
async fn ids_and_lengths_are_checked_on_arrival() {
    for (spoil, reason) in [
        (json!([50]), "token id 50, the model's vocabulary has 50"),
        (json!([1, 2, 3, 4, 5, 6, 7, 8, 9]), "has 9 tokens, at most 8 were requested"),
    ] {
        let server = Standin::spoiling(Kind::Vllm, move |_, answer| {
            let choice = &mut answer["choices"][0];
            choice["logprobs"]["token_logprobs"] =
                json!(vec![-0.5; spoil.as_array().unwrap().len()]);
            choice["token_ids"] = spoil.clone();
        });
        let server = server.await;
        let pool = pool(&[&server.url], LIMITS).await;
        pool.expect_vocabulary(50);
        let outcomes = pool.ask(VERSION, REQUEST).await.unwrap();
        let Outcome::GivenUp { reason: said } = &outcomes[0] else { panic!("{outcomes:?}") };
        assert!(said.contains(reason), "{said}");
        assert!(matches!(&outcomes[1], Outcome::Sampled(_)));
    }
}

#[tokio::test]
async fn a_server_without_token_ids_is_refused_at_once() {
    let server = Standin::spoiling(Kind::Vllm, |_, answer| {
        answer["choices"][0].as_object_mut().unwrap().remove("token_ids");
    });
    let server = server.await;
    let pool = pool(&[&server.url], LIMITS).await;
    let error = pool.ask(VERSION, REQUEST).await.unwrap_err().to_string();
    assert!(
        error.contains("`return_token_ids`") && error.contains("hint: rollouts need"),
        "{error}"
    );
    assert_eq!(server.asked(ROUTE).len(), 1);
}

#[tokio::test]
async fn log_probabilities_that_cannot_be_are_counted_and_beyond_a_share_stop() {
    let sound = json!(vec![-0.5; 100]);
    let mut odd = vec![-0.5; 100];
    (odd[0], odd[1], odd[2]) = (-50.0, 0.5, -60.0);
    for (numbers, stops) in [(sound, false), (json!(odd), true)] {
        let server = Standin::spoiling(Kind::Vllm, move |_, answer| {
            for choice in answer["choices"].as_array_mut().unwrap() {
                choice["token_ids"] = json!(vec![3; 100]);
                choice["logprobs"]["token_logprobs"] = numbers.clone();
            }
        });
        let server = server.await;
        let pool = pool(&[&server.url], LIMITS).await;
        let request = retrial_servers::SampleRequest { max_tokens: 100, ..REQUEST };
        let mut last = Ok(Vec::new());
        for _ in 0..6 {
            last = pool.ask(VERSION, request).await;
            if last.is_err() {
                break;
            }
        }
        let oddities = pool.oddities();
        assert_eq!(last.is_err(), stops);
        match last {
            Ok(_) => {
                assert_eq!((oddities.tokens, oddities.positive + oddities.unlikely), (1200, 0));
            }
            Err(error) => {
                assert_eq!((oddities.tokens, oddities.positive, oddities.unlikely), (1000, 10, 20));
                assert!(error.to_string().contains("processed_logprobs"), "{error}");
            }
        }
    }
}

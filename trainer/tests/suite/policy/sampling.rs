//! Sampling: what decides a token, and its probabilities.

use futures::future::join_all;
use retrial_trainer::policy::command::Products;
use retrial_trainer::policy::sampling::LogprobsMode;
use serde_json::{Value, json};

use super::fixture::{Choice, Reference, Server, Setup, ask, distance, prompt};

/// With products of our own.
const OWN: Setup = Setup { products: Products::Own, ..Setup::DEFAULT };

/// Tolerance between trainer and server, nats.
const TOLERANCE: f64 = 1e-4;

/// Answers to requests that are sampled in one batch from their first token on.
async fn together(server: &Server, bodies: Vec<Value>) -> Vec<Vec<Choice>> {
    let sequences: u64 = bodies.iter().map(|body| body["n"].as_u64().unwrap()).sum();
    server.control("/pause?mode=keep", &json!({})).await;
    let answers = join_all(bodies.into_iter().map(|body| server.choices(body)));
    let resume = async {
        server.wait_for("num_requests_waiting", |n| n == sequences as usize).await;
        server.control("/resume", &json!({})).await;
    };
    tokio::join!(answers, resume).0
}

/// Sends the same request with more and more others beside it, at different positions.
async fn company_does_not_show(setup: Setup) {
    let server = Server::with(setup).await;
    let body = ask(&prompt(3, 20), json!({ "n": 2, "max_tokens": 40, "logprobs": 3 }));
    let alone = server.choices(body.clone()).await;
    assert_eq!(alone.len(), 2);
    // Shorter ones, longer ones, ones of the same padded length, ones that end at other times.
    let neighbour = |i: u32| {
        let change = json!({ "seed": i, "max_tokens": 1 + i * 7 % 38, "n": 1 + i % 2 });
        ask(&prompt(100 + i, 1 + i * 13 % 60), change)
    };
    for company in [1, 4, 16, 40, 90] {
        for position in [0, company / 2, company] {
            let mut bodies: Vec<Value> = (0..company as u32).map(neighbour).collect();
            bodies.insert(position, body.clone());
            let found = together(&server, bodies).await.remove(position);
            assert_eq!(found, alone, "with {company} others, at position {position}");
        }
    }
}

#[tokio::test]
async fn a_response_does_not_depend_on_what_else_is_sampled() {
    company_does_not_show(Setup::default()).await;
}

#[tokio::test]
async fn nor_does_it_in_a_model_of_the_demos_widths() {
    company_does_not_show(Setup { widths: (96, 32), ..Setup::default() }).await;
}

#[tokio::test]
async fn nor_does_it_with_products_of_our_own_on_three_threads() {
    for widths in [(32, 16), (96, 32), (48, 20)] {
        company_does_not_show(Setup { widths, threads: 3, ..OWN }).await;
    }
}

#[tokio::test]
async fn long_neighbours_do_not_show() {
    for setup in [Setup::default(), OWN] {
        long_neighbours(Setup { context: 700, max_sequences: 20, ..setup }).await;
    }
}

async fn long_neighbours(setup: Setup) {
    let server = Server::with(setup).await;
    let body = ask(&prompt(3, 20), json!({ "max_tokens": 300 }));
    let alone = server.choices(body.clone()).await;
    for company in [1, 3, 17] {
        let neighbour = |i| ask(&prompt(i, 30 * i), json!({ "seed": i, "max_tokens": 70 }));
        let mut bodies: Vec<Value> = (1..=company).map(neighbour).collect();
        bodies.push(body.clone());
        assert_eq!(together(&server, bodies).await.pop().unwrap(), alone, "with {company} others");
    }
}

/// What is shared of prompts, and how many threads there are, does not show.
#[tokio::test]
async fn shared_prompts_and_threads_do_not_show() {
    let of =
        |seed: u32, length: u32| ask(&prompt(seed, length), json!({ "n": 3, "max_tokens": 40 }));
    // Prompts that begin alike.
    let begun = |length: usize, last: u32| {
        let mut ids = prompt(9, length as u32);
        ids.push(last);
        ask(&ids, json!({ "n": 2, "max_tokens": 30 }))
    };
    let bodies = [
        of(1, 1),
        of(1, 16),
        of(1, 33),
        begun(47, 5),
        begun(47, 6),
        begun(40, 5),
        of(9, 50),
        of(9, 50),
    ];
    let mut expected = Vec::new();
    for body in &bodies {
        expected.push(Server::with(OWN).await.choices(body.clone()).await);
    }
    for threads in [1, 2, 5] {
        let server = Server::with(Setup { threads, ..OWN }).await;
        assert_eq!(together(&server, bodies.to_vec()).await, expected, "{threads} threads");
        // Again, with what there is of them.
        assert_eq!(together(&server, bodies.to_vec()).await, expected, "{threads} threads");
        // Other weights have other keys and values.
        let before = server.choices(bodies[3].clone()).await;
        assert_eq!(server.reload(&server.weights(2)).await.0, 200);
        assert_ne!(server.choices(bodies[3].clone()).await, before);
        assert_eq!(server.reload(server.folder()).await.0, 200);
        assert_eq!(server.choices(bodies[3].clone()).await, before);
    }
}

#[tokio::test]
async fn child_j_is_sampled_with_seed_plus_j() {
    let server = Server::start().await;
    let prompt = prompt(5, 9);
    let children = server.choices(ask(&prompt, json!({ "n": 4, "seed": 21 }))).await;
    for (j, child) in children.iter().enumerate() {
        let alone = server.choice(ask(&prompt, json!({ "seed": 21 + j }))).await;
        assert_eq!(*child, alone);
        assert!(children[..j].iter().all(|other| other.tokens != child.tokens));
    }
    // Without a seed, no two answers are alike.
    let body = ask(&prompt, json!({ "seed": null }));
    assert_ne!(server.choice(body.clone()).await.tokens, server.choice(body).await.tokens);
}

#[tokio::test]
async fn more_responses_than_places_are_sampled_one_after_another() {
    let server = Server::with(Setup { max_sequences: 3, ..Setup::default() }).await;
    let roomy = Server::start().await;
    let body = ask(&prompt(5, 9), json!({ "n": 10 }));
    assert_eq!(server.choices(body.clone()).await, roomy.choices(body).await);
}

#[tokio::test]
async fn greedy_responses_are_the_most_probable_tokens() {
    let server = Server::start().await;
    let reference = Reference::load(server.folder());
    let prompt = prompt(8, 33);
    let choice = server.choice(ask(&prompt, json!({ "temperature": 0, "max_tokens": 60 }))).await;
    let rows = reference.logprobs(&[&prompt[..], &choice.tokens].concat(), 1.0);
    for (row, (&token, &logprob)) in
        rows[prompt.len() - 1..].iter().zip(choice.tokens.iter().zip(&choice.logprobs))
    {
        let best = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(best - row[token as usize] < 1e-5, "{token} is not the most probable token");
        assert!((f64::from(logprob) - row[token as usize]).abs() < TOLERANCE);
    }
}

#[tokio::test]
async fn log_probs_are_those_of_the_model() {
    for setup in [Setup::default(), OWN] {
        log_probs(setup).await;
    }
}

async fn log_probs(setup: Setup) {
    let server = Server::with(setup).await;
    let reference = Reference::load(server.folder());
    for (length, temperature) in [(1, 1.0), (31, 1.0), (32, 0.7), (60, 2.0)] {
        let prompt = prompt(length, length);
        let change = json!({ "temperature": temperature, "top_k": 40, "max_tokens": 39 });
        let choice = server.choice(ask(&prompt, change)).await;
        let expected = reference.score(&prompt, &choice.tokens, 1.0);
        assert!(distance(&choice.logprobs, &expected) < TOLERANCE);
    }
}

#[tokio::test]
async fn processed_log_probs_are_those_of_what_was_sampled_from() {
    let setup = Setup { logprobs: LogprobsMode::Processed, ..Setup::default() };
    let server = Server::with(setup).await;
    let reference = Reference::load(server.folder());
    let prompt = prompt(2, 12);
    let choice = server.choice(ask(&prompt, json!({ "temperature": 0.7 }))).await;
    let expected = reference.score(&prompt, &choice.tokens, 0.7);
    assert!(distance(&choice.logprobs, &expected) < TOLERANCE);

    let body = ask(&prompt, json!({ "temperature": 0.7, "top_k": 2, "logprobs": 4 }));
    let answer = server.complete(body).await;
    let tops = answer["choices"][0]["logprobs"]["top_logprobs"].as_array().unwrap();
    for top in tops {
        let logprobs: Vec<f64> =
            top.as_object().unwrap().values().map(|logprob| logprob.as_f64().unwrap()).collect();
        let kept: f64 = logprobs.iter().filter(|&&x| x > -9999.0).map(|x| x.exp()).sum();
        // Tokens whose texts are alike share an entry; two entries are kept unless they do.
        assert!(kept < 1.0 + TOLERANCE, "{top}");
    }
}

#[tokio::test]
async fn a_prompt_is_scored_token_by_token() {
    for setup in [Setup::default(), OWN] {
        scores(Setup { context: 700, ..setup }).await;
    }
}

async fn scores(setup: Setup) {
    let server = Server::with(setup).await;
    let reference = Reference::load(server.folder());
    for length in [1, 2, 32, 33, 257, 600] {
        let prompt = prompt(length, length);
        let body = ask(&prompt, json!({ "max_tokens": 1, "prompt_logprobs": 2, "n": 2 }));
        let answer = server.complete(body).await;
        let scores = answer["choices"][1]["prompt_logprobs"].as_array().unwrap();
        assert_eq!(scores.len(), prompt.len());
        assert!(scores[0].is_null());
        let rows = reference.logprobs(&prompt, 1.0);
        for ((score, &token), row) in scores[1..].iter().zip(&prompt[1..]).zip(&rows) {
            let entry = &score[token.to_string()];
            let expected = row[token as usize];
            assert!((entry["logprob"].as_f64().unwrap() - expected).abs() < TOLERANCE);
            let rank = row.iter().filter(|&&logprob| logprob >= expected).count();
            // Numbers closer than the tolerance may be swapped.
            assert!(entry["rank"].as_u64().unwrap().abs_diff(rank as u64) <= 1);
            assert!((2..=3).contains(&score.as_object().unwrap().len()));
        }
    }
}

#[tokio::test]
async fn penalties_change_what_is_sampled() {
    let server = Server::start().await;
    let prompt = prompt(4, 6);
    let greedy = json!({ "temperature": 0, "max_tokens": 60, "presence_penalty": 2.0,
                         "frequency_penalty": 2.0, "repetition_penalty": 100.0 });
    let tokens = server.choice(ask(&prompt, greedy)).await.tokens;
    let mut distinct = tokens.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), tokens.len(), "a token came twice");
    assert!(tokens.iter().all(|token| !prompt.contains(token)));
}

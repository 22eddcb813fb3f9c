use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use retrial_lte::Seed;
use retrial_protocol::{FinishReason, ServerPublish};
use tokio::sync::Semaphore;

use std::sync::Mutex;
use std::time::Duration;

use retrial_protocol::{PublishReport, PushOutcome, WeightVersion};

use super::*;
use crate::error::CallError;
use crate::sample::{PolicyServer, Response, SampleRequest, Sampled};

const VERSION: WeightVersion = WeightVersion(3);
const LIMITS: Limits = Limits {
    concurrency: 2,
    failures: 3,
    budget: 10,
    pause: Duration::from_millis(1),
    stall: Duration::from_millis(20),
};

/// Answers as it was told, then correctly; each answer waits for a permit if there is a gate.
#[derive(Debug, Default)]
struct Fake {
    url: String,
    answers: Mutex<VecDeque<Result<Vec<Sampled>, CallError>>>,
    gate: Option<Arc<Semaphore>>,
    calls: Arc<AtomicUsize>,
}

impl Fake {
    fn new(url: &str) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    fn gated(url: &str, gate: &Arc<Semaphore>) -> Self {
        Self { gate: Some(Arc::clone(gate)), ..Self::new(url) }
    }

    fn failing(url: &str, times: usize) -> Self {
        let answers = (0..times).map(|_| Err(CallError::unusable(url, "reset")));
        Self { answers: Mutex::new(answers.collect()), ..Self::new(url) }
    }
}

impl PolicyServer for Fake {
    fn url(&self) -> &str {
        &self.url
    }

    fn ask<'a>(&'a self, _: SampleRequest<'a>) -> BoxFuture<'a, Result<Vec<Response>, CallError>> {
        async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            let told = self.answers.lock().unwrap().pop_front();
            let told = told.unwrap_or_else(|| Ok(vec![response(&VERSION.to_string())]));
            told.map(|all| all.into_iter().map(Ok).collect())
        }
        .boxed()
    }
}

fn response(label: &str) -> Sampled {
    let labels = vec![label.to_owned()];
    Sampled { tokens: vec![1], logprobs: vec![-0.5], finish: FinishReason::Stop, labels }
}

fn pool(servers: Vec<Fake>, limits: Limits) -> (Pool, Vec<Arc<AtomicUsize>>) {
    let calls = servers.iter().map(|fake| Arc::clone(&fake.calls)).collect();
    let urls: Vec<String> = servers.iter().map(|fake| fake.url.clone()).collect();
    let boxed = servers.into_iter().map(|fake| Box::new(fake) as Box<dyn PolicyServer>);
    let pool = Pool::new(boxed.collect(), limits);
    assert_eq!(pool.pushed(&report(&urls)), urls.len());
    (pool, calls)
}

fn report(urls: &[String]) -> PublishReport {
    let verified = |url: &String| ServerPublish {
        url: url.clone(),
        seconds: 0.1,
        adapter: None,
        outcome: PushOutcome::Verified { max_difference: 0.0 },
    };
    PublishReport { version: VERSION, servers: urls.iter().map(verified).collect() }
}

fn request() -> SampleRequest<'static> {
    SampleRequest {
        prompt: &[1],
        n: 1,
        seed: Seed(0),
        max_tokens: 1,
        temperature: 1.0,
        top_p: 1.0,
        stop: &[],
        adapter: None,
    }
}

fn counts(calls: &[Arc<AtomicUsize>]) -> Vec<usize> {
    calls.iter().map(|calls| calls.load(Ordering::SeqCst)).collect()
}

#[tokio::test]
async fn work_is_spread_and_bounded() {
    let gate = Arc::new(Semaphore::new(0));
    let servers = vec![Fake::gated("http://a", &gate), Fake::gated("http://b", &gate)];
    let (pool, calls) = pool(servers, LIMITS);
    let work = join_all((0..7).map(|_| pool.sample(VERSION, request())));
    tokio::pin!(work);
    // As far as possible without an answer: two at each, and three wait.
    assert!(work.as_mut().now_or_never().is_none());
    assert_eq!(counts(&calls), [2, 2]);
    gate.add_permits(7);
    assert!(work.await.iter().all(Result::is_ok));
    assert_eq!(counts(&calls).iter().sum::<usize>(), 7);
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_left_out_until_it_takes_a_push() {
    let servers = vec![Fake::failing("http://a", 3), Fake::new("http://b")];
    let (pool, calls) = pool(servers, LIMITS);
    for _ in 0..6 {
        assert_eq!(pool.sample(VERSION, request()).await.unwrap().len(), 1);
    }
    assert_eq!(counts(&calls), [3, 6], "each request was answered once");
    pool.pushed(&report(&["http://a".into(), "http://b".into()]));
    pool.sample(VERSION, request()).await.unwrap();
    assert_eq!(counts(&calls), [4, 6]);
}

#[tokio::test]
async fn only_the_version_that_was_asked_for_samples() {
    let (pool, calls) = pool(vec![Fake::new("http://a")], LIMITS);
    let error = pool.sample(WeightVersion(4), request()).await.unwrap_err();
    assert!(error.is::<NoServer>(), "{error}");
    assert_eq!(counts(&calls), [0]);

    // It says that it sampled with other weights: it was restarted, or another process pushed.
    let foreign = Fake::new("http://b");
    foreign.answers.lock().unwrap().push_back(Ok(vec![response("0")]));
    let (pool, calls) = self::pool(vec![foreign], LIMITS);
    let sampled = pool.sample(VERSION, request()).await.unwrap();
    assert_eq!((sampled[0].labels[0].as_str(), counts(&calls)), ("3", vec![2]));
}

#[tokio::test]
async fn what_will_not_go_away_is_not_tried_again() {
    let refusing = Fake::new("http://a");
    let refused = CallError::Status {
        url: "http://a".into(),
        status: 400,
        body: "no".into(),
        retry_after: None,
    };
    refusing.answers.lock().unwrap().push_back(Err(refused));
    let (pool, calls) = pool(vec![refusing], LIMITS);
    let error = pool.sample(VERSION, request()).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), counts(&calls)),
        ("http://a answered 400: no", vec![1])
    );
}

#[tokio::test]
async fn too_many_failures_stop_the_run_with_the_reason() {
    let limits = Limits { failures: 100, ..LIMITS };
    let (pool, calls) = pool(vec![Fake::failing("http://a", 50)], limits);
    let error = pool.sample(VERSION, request()).await.unwrap_err().to_string();
    assert!(error.starts_with("11 rollout requests failed since the last push"), "{error}");
    assert!(error.contains("reset"), "{error}");
    assert_eq!(counts(&calls), [11]);
}

#[tokio::test]
async fn a_server_that_takes_pushes_and_answers_nothing_does_not_go_on_for_ever() {
    let (pool, calls) = pool(vec![Fake::failing("http://a", 50)], LIMITS);
    let error = loop {
        match pool.sample(VERSION, request()).await {
            Err(error) if error.is::<NoServer>() => {
                assert_eq!(pool.pushed(&report(&["http://a".into()])), 1);
            }
            ended => break ended.unwrap_err().to_string(),
        }
    };
    assert!(error.starts_with("11 rollout requests failed"), "{error}");
    assert_eq!(counts(&calls), [11]);
}

#[tokio::test]
async fn a_server_that_answers_nothing_is_named() {
    let gate = Arc::new(Semaphore::new(0));
    let servers = vec![Fake::gated("http://a", &gate), Fake::new("http://b")];
    let (pool, _) = pool(servers, LIMITS);
    let work = join_all((0..4).map(|_| pool.sample(VERSION, request())));
    let watch = async {
        let silent = loop {
            match pool.silent() {
                silent if silent.is_empty() => tokio::task::yield_now().await,
                silent => break silent,
            }
        };
        gate.add_permits(4);
        silent
    };
    let (sampled, silent) = tokio::join!(work, watch);
    assert!(sampled.iter().all(Result::is_ok));
    let [silence] = silent.as_slice() else { panic!("{silent:?}") };
    // The first request goes to it; the other server answers the rest at once.
    assert_eq!((silence.url.as_str(), silence.in_flight), ("http://a", 1));
    assert!(silence.lasting >= LIMITS.stall);
    assert!(pool.silent().is_empty(), "it has answered");
}

#[tokio::test]
async fn all_that_is_under_way_to_a_server_fails_with_it_and_counts_little() {
    let gate = Arc::new(Semaphore::new(0));
    let limits = Limits { concurrency: 40, budget: 3, ..LIMITS };
    let dying = Fake { gate: Some(Arc::clone(&gate)), ..Fake::failing("http://a", 40) };
    let (pool, calls) = pool(vec![dying, Fake::new("http://b")], limits);
    let work = join_all((0..80).map(|_| pool.sample(VERSION, request())));
    gate.add_permits(40);
    assert!(work.await.iter().all(Result::is_ok));
    assert_eq!(counts(&calls)[1], 80, "all of its work has moved");
}

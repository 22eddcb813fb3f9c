//! Several servers as one: the least loaded one gets the next group, a bounded number of requests
//! is in flight to each, and the work of one that fails goes to another.
//!
//! A server takes part only while it is known to serve the version that is asked for: after a push
//! that was verified there, and until one of its requests fails for good. It is brought back by the
//! next push that it takes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use retrial_protocol::{PublishReport, PushOutcome, WeightVersion};
use serde::Serialize;
use tokio::sync::Notify;
use utoipa::ToSchema;

use super::{PolicyServer, SampleRequest, Sampled};
use crate::http::{CallError, Transience};

/// What the pool puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests in flight to each server.
    pub concurrency: usize,
    /// Failed requests in a row after which a server is left out.
    pub failures: u32,
    /// Failed requests of all servers between two pushes, after which the run stops.
    pub budget: u32,
    /// Pause before the next request to a server that has just failed one; doubles each time.
    pub pause: Duration,
}

/// Servers that share the rollouts.
#[derive(Debug)]
pub struct Pool {
    servers: Vec<Box<dyn PolicyServer>>,
    limits: Limits,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// One of each server.
    members: Vec<Member>,
    /// The version that was pushed last.
    version: Option<WeightVersion>,
    /// Failed requests since that version was pushed first, and the last of them.
    failed: u32,
    last_failure: String,
}

#[derive(Clone, Debug, Default)]
struct Member {
    in_flight: usize,
    /// The version that it was seen to serve; none while it is left out.
    version: Option<WeightVersion>,
    /// Failed requests in a row.
    failures: u32,
    /// Requests that ended, those that failed among them, and what they took.
    requests: u64,
    failed: u64,
    taken: Duration,
    worst: Duration,
}

/// How a server fares.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServerHealth {
    /// Its base URL.
    pub url: String,
    /// The version that it was seen to serve; none while it is left out.
    pub version: Option<u64>,
    /// Requests under way.
    pub in_flight: usize,
    /// Requests that ended.
    pub requests: u64,
    /// Those that failed among them.
    pub failed: u64,
    /// Mean seconds of a request.
    pub mean_seconds: Option<f64>,
    /// Most seconds of a request.
    pub worst_seconds: Option<f64>,
}

/// No server serves the version that is asked for.
#[derive(Debug, thiserror::Error)]
#[error("no server serves version {version}; the last failure: {last}")]
pub struct NoServer {
    /// The version.
    pub version: WeightVersion,
    /// Why the last server was left out.
    pub last: String,
}

impl Pool {
    /// A pool of servers none of which is known to serve anything yet.
    pub fn new(servers: Vec<Box<dyn PolicyServer>>, limits: Limits) -> Self {
        let state = State {
            members: vec![Member::default(); servers.len()],
            version: None,
            failed: 0,
            last_failure: "none has taken a push yet".into(),
        };
        Self { servers, limits, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Requests in flight to all servers together.
    pub fn concurrency(&self) -> usize {
        self.limits.concurrency * self.servers.len()
    }

    /// Notes what came of a push: the servers that took it serve its version, the others nothing.
    /// Returns how many serve it.
    pub fn pushed(&self, report: &PublishReport) -> usize {
        let mut state = self.lock();
        // Servers that are brought back by the same version do not get a new budget: one that
        // takes every push and answers nothing else would be tried for ever.
        if state.version.replace(report.version) != Some(report.version) {
            state.failed = 0;
        }
        let mut serving = 0;
        for (index, server) in self.servers.iter().enumerate() {
            let push = report.servers.iter().find(|push| push.url == server.url());
            state.members[index].failures = 0;
            state.members[index].version = None;
            match push.map(|push| &push.outcome) {
                Some(PushOutcome::Verified { .. }) => {
                    state.members[index].version = Some(report.version);
                    serving += 1;
                }
                Some(PushOutcome::Unreachable { error } | PushOutcome::Refused { error }) => {
                    state.last_failure.clone_from(error);
                }
                None => {}
            }
        }
        drop(state);
        self.changed.notify_waiters();
        serving
    }

    /// The servers that serve `version`.
    pub fn serving(&self, version: WeightVersion) -> Vec<&dyn PolicyServer> {
        let state = self.lock();
        let members = self.servers.iter().zip(&state.members);
        members
            .filter(|(_, member)| member.version == Some(version))
            .map(|(server, _)| server.as_ref())
            .collect()
    }

    /// The version that was pushed last.
    pub fn version(&self) -> Option<WeightVersion> {
        self.lock().version
    }

    /// The version that any server is known to serve.
    pub fn served(&self) -> Option<WeightVersion> {
        self.lock().members.iter().find_map(|member| member.version)
    }

    /// Forgets the failed requests: their cause is known and gone.
    pub fn forgive(&self) {
        self.lock().failed = 0;
    }

    /// The last failure of a request or a push.
    pub fn last_failure(&self) -> String {
        self.lock().last_failure.clone()
    }

    /// How each server fares.
    pub fn health(&self) -> Vec<ServerHealth> {
        let state = self.lock();
        let pairs = self.servers.iter().zip(&state.members);
        pairs.map(|(server, member)| member.health(server.url())).collect()
    }

    /// Samples with the weights of `version`, on whichever server has the least to do. A request
    /// that fails for a passing reason is made again, elsewhere if there is another server.
    pub async fn sample(
        &self,
        version: WeightVersion,
        request: SampleRequest<'_>,
    ) -> Result<Vec<Sampled>> {
        loop {
            let member = self.take(version).await?;
            let server = &self.servers[member];
            let clock = Instant::now();
            let outcome = server.sample(request).await.and_then(|sampled| {
                let foreign = foreign_label(&sampled, version);
                foreign
                    .map_or(Ok(sampled), |problem| Err(CallError::unusable(server.url(), problem)))
            });
            match outcome {
                Ok(sampled) => {
                    self.give_back(member, clock, None);
                    return Ok(sampled);
                }
                Err(error) if error.transience() == Transience::Transient => {
                    tracing::warn!(%error, "a rollout request failed; it is made again");
                    let failures = self.give_back(member, clock, Some(&error));
                    self.check_budget()?;
                    let doublings = failures.saturating_sub(1).min(6);
                    tokio::time::sleep(self.limits.pause * 2_u32.pow(doublings)).await;
                }
                Err(error) => {
                    self.give_back(member, clock, None);
                    return Err(error.into());
                }
            }
        }
    }

    /// Waits for a place on the least loaded server that serves `version`.
    async fn take(&self, version: WeightVersion) -> Result<usize, NoServer> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                let serving = |member: &Member| member.version == Some(version);
                if !state.members.iter().any(serving) {
                    return Err(NoServer { version, last: state.last_failure.clone() });
                }
                let free = (0..state.members.len())
                    .filter(|&index| serving(&state.members[index]))
                    .filter(|&index| state.members[index].in_flight < self.limits.concurrency)
                    .min_by_key(|&index| state.members[index].in_flight);
                if let Some(index) = free {
                    state.members[index].in_flight += 1;
                    return Ok(index);
                }
            }
            changed.await;
        }
    }

    /// Ends a request. Returns how many of the server's requests have failed in a row.
    fn give_back(&self, index: usize, clock: Instant, error: Option<&CallError>) -> u32 {
        let mut state = self.lock();
        let member = &mut state.members[index];
        member.in_flight -= 1;
        member.ended(clock.elapsed(), error.is_some());
        member.failures = if error.is_some() { member.failures + 1 } else { 0 };
        let failures = member.failures;
        if failures >= self.limits.failures && member.version.take().is_some() {
            let url = self.servers[index].url();
            tracing::warn!(url, "left out until it has taken a push");
        }
        if let Some(error) = error {
            state.failed += 1;
            state.last_failure = error.to_string();
        }
        drop(state);
        self.changed.notify_waiters();
        failures
    }

    fn check_budget(&self) -> Result<()> {
        let state = self.lock();
        if state.failed > self.limits.budget {
            let (failed, last) = (state.failed, &state.last_failure);
            bail!(
                "{failed} rollout requests failed since the last push of weights; the last: {last}\n\
                 hint: look at the servers' logs; [server] error_budget allows more"
            );
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    fn ended(&mut self, took: Duration, failed: bool) {
        self.requests += 1;
        self.failed += u64::from(failed);
        self.taken += took;
        self.worst = self.worst.max(took);
    }

    fn health(&self, url: &str) -> ServerHealth {
        let any = self.requests > 0;
        ServerHealth {
            url: url.into(),
            version: self.version.map(|version| version.0),
            in_flight: self.in_flight,
            requests: self.requests,
            failed: self.failed,
            mean_seconds: any.then(|| self.taken.as_secs_f64() / self.requests as f64),
            worst_seconds: any.then_some(self.worst.as_secs_f64()),
        }
    }
}

/// What is wrong if a response was sampled with other weights than those asked for.
fn foreign_label(sampled: &[Sampled], version: WeightVersion) -> Option<String> {
    let expected = version.to_string();
    let mut labels = sampled.iter().flat_map(|response| &response.labels);
    let foreign = labels.find(|label| **label != expected)?;
    Some(format!("it sampled with version `{foreign}`, version {version} was pushed to it"))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use futures::future::{BoxFuture, join_all};
    use retrial_lte::Seed;
    use retrial_protocol::ServerPublish;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::domain::FinishReason;

    const VERSION: WeightVersion = WeightVersion(3);
    const LIMITS: Limits =
        Limits { concurrency: 2, failures: 3, budget: 10, pause: Duration::from_millis(1) };

    /// Answers as it was told, then soundly; each answer waits for a permit if there is a gate.
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
            let answers = (0..times).map(|_| Err(CallError::unusable(url, "reset".into())));
            Self { answers: Mutex::new(answers.collect()), ..Self::new(url) }
        }
    }

    impl PolicyServer for Fake {
        fn url(&self) -> &str {
            &self.url
        }

        fn sample<'a>(
            &'a self,
            _: SampleRequest<'a>,
        ) -> BoxFuture<'a, Result<Vec<Sampled>, CallError>> {
            async move {
                self.calls.fetch_add(1, Ordering::SeqCst);
                if let Some(gate) = &self.gate {
                    gate.acquire().await.unwrap().forget();
                }
                let told = self.answers.lock().unwrap().pop_front();
                told.unwrap_or_else(|| Ok(vec![response(&VERSION.to_string())]))
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
            outcome: PushOutcome::Verified { max_difference: 0.0 },
        };
        PublishReport { version: VERSION, servers: urls.iter().map(verified).collect() }
    }

    fn request() -> SampleRequest<'static> {
        SampleRequest { prompt: &[1], n: 1, seed: Seed(0), max_tokens: 1, temperature: 1.0 }
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
        // As far as it goes without an answer: two at each, and three wait.
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

        // It says that it sampled with others: it was started anew, or somebody else pushed.
        let foreign = Fake::new("http://b");
        foreign.answers.lock().unwrap().push_back(Ok(vec![response("0")]));
        let (pool, calls) = self::pool(vec![foreign], LIMITS);
        let sampled = pool.sample(VERSION, request()).await.unwrap();
        assert_eq!((sampled[0].labels[0].as_str(), counts(&calls)), ("3", vec![2]));
    }

    #[tokio::test]
    async fn what_will_not_go_away_is_not_tried_again() {
        let refusing = Fake::new("http://a");
        let refused = CallError::Status { url: "http://a".into(), status: 400, body: "no".into() };
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
}

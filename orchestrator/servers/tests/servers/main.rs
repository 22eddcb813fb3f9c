//! Servers that fail, lie or are unreachable, over real sockets. The table in docs/servers.md
//! names these tests.

mod pushing;
mod reaching;
mod sampling;
mod standin;
mod tls;

use std::time::Duration;

use retrial_lte::Seed;
use retrial_protocol::{Access, PublishReport, PushOutcome, ServerPublish, WeightVersion};
use retrial_servers::{Limits, Plan, Pool, SampleRequest, connect};

const VERSION: WeightVersion = WeightVersion(0);

const LIMITS: Limits = Limits {
    concurrency: 4,
    failures: 3,
    budget: 20,
    pause: Duration::from_millis(1),
    stall: Duration::from_mins(5),
};

const REQUEST: SampleRequest<'static> = SampleRequest {
    prompt: &[1, 2],
    n: 2,
    seed: Seed(7),
    max_tokens: 8,
    temperature: 1.0,
    top_p: 1.0,
    stop: &[],
    adapter: None,
};

/// A plan of these servers.
fn plan<'a>(urls: &'a [String], workers: &'a [String], access: &'a Access) -> Plan<'a> {
    Plan { urls, workers, model: "policy", timeout: Duration::from_secs(20), access }
}

/// A report that these accepted [`VERSION`], and those did not.
fn report(taken: &[&str], refused: &[&str]) -> PublishReport {
    let server = |url: &str, outcome| ServerPublish {
        url: url.to_owned(),
        seconds: 0.0,
        adapter: None,
        outcome,
    };
    let verified =
        taken.iter().map(|url| server(url, PushOutcome::Verified { max_difference: 0.0 }));
    let error = || PushOutcome::Refused { error: "it did not take it".into() };
    let refused = refused.iter().map(|url| server(url, error()));
    PublishReport { version: VERSION, servers: verified.chain(refused).collect() }
}

/// A pool of servers that serve [`VERSION`].
async fn pool(urls: &[&str], limits: Limits) -> Pool {
    let owned: Vec<String> = urls.iter().map(|&url| url.to_owned()).collect();
    let access = Access::default();
    let pool = connect(plan(&owned, &[], &access)).await.unwrap().pool(limits);
    assert_eq!(pool.pushed(&report(urls, &[])), urls.len());
    pool
}

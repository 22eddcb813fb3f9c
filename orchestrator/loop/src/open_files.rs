//! The limit on open files: each connection is one, and so is each request in flight.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files besides connections to servers: the log, services and their logs, and the
/// connections of the dashboard.
const BESIDES: u64 = 400;

/// The system's limit on open files is too low.
#[derive(Debug, thiserror::Error)]
#[error(
    "{requests} requests at once take up to {needed} open files, and this process may have {limit}\n\
     hint: `ulimit -n {needed}`, or fewer requests at once ([server] concurrency, a server's)"
)]
pub struct TooFew {
    requests: u64,
    needed: u64,
    limit: u64,
}

/// Raises the limit, if needed, for this many parallel requests.
pub fn allow(requests: usize) -> Result<(), TooFew> {
    let requests = requests as u64;
    let needed = requests + BESIDES;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if enough(current) {
        return Ok(());
    }
    let raised = enough(maximum)
        && setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum }).is_ok();
    if raised {
        return Ok(());
    }
    Err(TooFew { requests, needed, limit: maximum.or(current).unwrap_or_default() })
}

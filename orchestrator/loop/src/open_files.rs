//! How many files the process may have open: a connection is one, and so is each request under way.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open beside connections to servers: the log, services and their logs, and as many
/// connections as a dashboard has places for.
const BESIDES: u64 = 400;

/// The system lets this process open too few files.
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

/// Raises the limit, if it must be, so that there can be so many requests at once.
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

//! Why a pool gives up.

use retrial_protocol::WeightVersion;

use crate::arrival::Oddities;
use crate::error::CallError;

/// No server serves the requested version.
#[derive(Debug, thiserror::Error)]
#[error("no server serves version {version}; the last failure: {last}")]
pub struct NoServer {
    /// The version.
    pub version: WeightVersion,
    /// Why the last server was excluded.
    pub last: String,
}

/// Why a pool gives up.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The servers must be given weights first.
    #[error(transparent)]
    NoServer(#[from] NoServer),
    /// A permanent error.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The servers' answers are wrong.
    #[error(
        "{failed} rollout requests failed since the last push of weights; the last: {last}\n\
         hint: check the servers' logs; [server] error_budget allows more failures"
    )]
    Budget {
        /// Failed requests.
        failed: u32,
        /// The last error.
        last: String,
    },
    /// The servers were unreachable for too long.
    #[error(
        "no rollouts from {url} for {waited} s; the last failure: {last}\n\
         hint: check the server and any proxy in front of it; raise [server] patience_seconds to wait longer"
    )]
    Patience {
        /// The last server.
        url: String,
        /// How long, seconds.
        waited: u64,
        /// The last failure.
        last: String,
    },
    /// The numbers are not log-probabilities of the tokens.
    #[error(
        "of {} tokens from {url} and its like, {} have log-probabilities above 0 and {} ones of \
         tokens that nobody samples (below -30)\n\
         hint: the numbers are not those of the sampled tokens; try another server version, and \
         start vLLM with --logprobs-mode processed_logprobs",
        oddities.tokens, oddities.positive, oddities.unlikely
    )]
    Implausible {
        /// The server that sent the last of them.
        url: String,
        /// How many.
        oddities: Oddities,
    },
}

//! Why a pool gives up.

use retrial_protocol::WeightVersion;

use crate::arrival::Oddities;
use crate::error::CallError;

/// No server serves the version that is asked for.
#[derive(Debug, thiserror::Error)]
#[error("no server serves version {version}; the last failure: {last}")]
pub struct NoServer {
    /// The version.
    pub version: WeightVersion,
    /// Why the last server was left out.
    pub last: String,
}

/// Why a pool gives up.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The servers have to be given weights first.
    #[error(transparent)]
    NoServer(#[from] NoServer),
    /// What will not go away.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The servers answer, and wrongly.
    #[error(
        "{failed} rollout requests failed since the last push of weights; the last: {last}\n\
         hint: look at the servers' logs; [server] error_budget allows more"
    )]
    Budget {
        /// Failed requests.
        failed: u32,
        /// What was wrong with the last one.
        last: String,
    },
    /// The servers are away for too long.
    #[error(
        "no rollouts from {url} for {waited} s; the last failure: {last}\n\
         hint: look at the server, or at what stands before it; [server] patience_seconds waits longer"
    )]
    Patience {
        /// The last server that was waited for.
        url: String,
        /// How long, seconds.
        waited: u64,
        /// The last failure.
        last: String,
    },
    /// The numbers beside the tokens are no log-probabilities of theirs.
    #[error(
        "of {} tokens from {url} and its like, {} have log-probabilities above 0 and {} ones of \
         tokens that nobody samples (below -30)\n\
         hint: the numbers are not those of the sampled tokens; look for another server version, and \
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

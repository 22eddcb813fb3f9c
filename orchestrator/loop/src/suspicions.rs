//! Knowledge about servers between checks: which were compared, and which are suspected of stale
//! weights.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use retrial_protocol::WeightVersion;

use crate::evidence::{Evidence, Weights};

/// Key of evidence that no single server is responsible for.
pub const ROLLOUTS: &str = "the rollouts";

/// Knowledge between checks.
#[derive(Debug, Default)]
pub struct Suspicions {
    /// Servers whose log-probabilities were compared with the trainer's.
    compared: Mutex<HashSet<String>>,
    /// Evidence of stale weights so far, by server.
    by_server: Mutex<HashMap<String, Evidence>>,
    /// Servers found with wrong weights since the last step.
    wrong_weights: AtomicU64,
}

/// A server has stale weights.
#[derive(Debug, thiserror::Error)]
#[error(
    "{who} {verb} of older weights than version {version}, though its push was answered as done: \
     {tokens} tokens say so, by {strength:.1} standard errors\n\
     hint: what the server answers to a push is not what it does; look at its log, at a cache \
     before it, and whether the router sends all requests to servers that are pushed to. --resume \
     pushes the weights again and samples the step anew"
)]
pub struct Stale {
    who: String,
    verb: &'static str,
    version: WeightVersion,
    tokens: usize,
    strength: f64,
}

impl Stale {
    fn new(who: &str, version: WeightVersion, evidence: Evidence) -> Self {
        let (tokens, strength) = (evidence.tokens, -evidence.strength());
        let verb = if who == ROLLOUTS { "are" } else { "has log-probabilities" };
        Self { who: who.into(), verb, version, tokens, strength }
    }
}

impl Suspicions {
    /// Adds evidence about a server. Returns how strong it is, if it is conclusive.
    pub fn weigh(
        &self,
        who: &str,
        version: WeightVersion,
        found: Evidence,
    ) -> Result<Option<f64>, Stale> {
        let mut suspicions = self.by_server.lock().unwrap_or_else(PoisonError::into_inner);
        let suspicion = suspicions.entry(who.to_owned()).or_default();
        let evidence = suspicion.and(found);
        // A suspicion outlives a push: what the server does next has to make up for it.
        *suspicion = evidence.suspicion();
        if evidence.weights() == Weights::Old {
            return Err(Stale::new(who, version, evidence));
        }
        tracing::debug!(who, strength = found.strength(), tokens = found.tokens, "weights checked");
        let told = found.tokens > 0 && found.strength() != 0.0;
        Ok(told.then(|| found.strength()))
    }

    /// Whether a server's log-probabilities were compared.
    pub fn is_compared(&self, url: &str) -> bool {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner).contains(url)
    }

    /// Whether those of any server were.
    pub fn has_compared(&self) -> bool {
        !self.compared.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Records that a server was found with wrong weights.
    pub fn note_wrong_weights(&self) {
        self.wrong_weights.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that happened since the last call.
    pub fn take_wrong_weights(&self) -> u64 {
        self.wrong_weights.swap(0, Ordering::Relaxed)
    }

    /// Records that this server was compared.
    pub fn note_compared(&self, url: &str) {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned());
    }
}

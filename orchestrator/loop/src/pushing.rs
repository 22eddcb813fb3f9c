//! Pushes of weights: repeated until the reachable servers have them.
//! A
//! confirmed push proves nothing. Its probe and the tokens of the step are scored
//! before sampling continues; a server with other weights is named, and pushed
//! to again. Only if that does not help does the run stop.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use retrial_protocol::{
    PublishReport, PublishRequest, PushOutcome, ServerAddress, ServerPublish, WeightVersion,
};
use retrial_servers::{Differences, Policy};
use tokio::time::sleep;

use crate::evidence::Evidence;
use crate::supervisor::Supervisor;
use crate::verification::{Before, last, tokens_of};

/// How often weights are pushed again to servers that confirm but do not have them.
const AGAIN: u32 = 3;

impl Supervisor {
    /// Pushes a version to the servers and verifies it, on the tokens of a step if
    /// there are any. A server that confirms but has other weights is pushed to again, a few times. One that
    /// fails is excluded until the next push; while none is reachable, pushes are retried
    /// until patience ends.
    pub async fn publish(
        &self,
        version: WeightVersion,
        before: Option<&Before>,
    ) -> Result<PublishReport> {
        let mut pauses = Policy { wrong: AGAIN, ..self.policy() }.pauses();
        let mut report = PublishReport { version, servers: Vec::new() };
        let mut servers = self.servers.clone();
        loop {
            let clock = Instant::now();
            let mut pushed = self.push_once(version, servers).await?;
            if let Some(before) = before {
                self.look_closely(&mut pushed, before).await?;
            }
            merge(&mut report, pushed);
            let wrong = mismatches(&report);
            if wrong.is_empty() && self.pool.pushed(&report) > 0 {
                self.live.waiting(None);
                return Ok(report);
            }
            let pause = if wrong.is_empty() {
                servers = self.servers.clone();
                let failure = self.pool.last_failure();
                if let Some(policy) = &self.policy_process
                    && policy.restart_if_ended().await?
                {
                    self.pool.forgive();
                    continue;
                }
                let refused =
                    |push: &ServerPublish| matches!(push.outcome, PushOutcome::Refused { .. });
                let pause = if report.servers.iter().any(refused) {
                    let pause = pauses.after_wrong(clock.elapsed());
                    pause.with_context(|| {
                        format!("no server accepted version {version}: {failure}")
                    })?
                } else {
                    let pause = pauses.after_nobody(clock.elapsed());
                    let patience = self.patience();
                    pause.with_context(|| {
                        format!("no server was reached within {patience:?}: {failure}")
                    })?
                };
                self.live.waiting(Some(format!("a policy server: {failure}")));
                tracing::warn!(%failure, ?pause, "no server accepted the weights; trying again");
                pause
            } else {
                let Some(pause) = pauses.after_wrong(clock.elapsed()) else {
                    // The other servers have it.
                    self.pool.pushed(&report);
                    bail!("the weights were pushed {} times: {}", AGAIN + 1, wrong[0].1);
                };
                for (_, error) in &wrong {
                    self.suspicions.note_wrong_weights();
                    let what = error.lines().next().unwrap_or_default();
                    tracing::warn!("{what}; pushing the weights again");
                }
                let is_wrong =
                    |address: &&ServerAddress| wrong.iter().any(|(url, _)| *url == address.url);
                servers = self.servers.iter().filter(is_wrong).cloned().collect();
                pause
            };
            sleep(pause).await;
        }
    }

    async fn push_once(
        &self,
        version: WeightVersion,
        servers: Vec<ServerAddress>,
    ) -> Result<PublishReport> {
        let request = PublishRequest {
            version,
            servers,
            probe: self.probe.clone(),
            tolerance: self.config.tolerance(),
            timeout_seconds: self.config.server.push_timeout_seconds,
            transfer: self.config.server.push,
        };
        self.with_trainer(|| self.trainer.publish(&request)).await
    }

    /// Lets each server that confirmed a push score the tokens of a step. One that does not score them
    /// like the trainer after the update, or scores them like the trainer before it, does not have the weights.
    async fn look_closely(&self, report: &mut PublishReport, before: &Before) -> Result<()> {
        let Before { responses, logprobs } = before;
        let version = report.version;
        let Some(now) = self.scored(responses, 1.0, version).await? else {
            return Ok(());
        };
        let timeout = Duration::from_secs(self.config.server.push_timeout_seconds);
        let access = self.config.server.access();
        let tolerance = self.config.tolerance();
        let sequences: Vec<Vec<u32>> =
            responses.iter().map(|response| response.sequence.clone()).collect();
        for push in &mut report.servers {
            let address = self.servers.iter().find(|address| address.url == push.url);
            let (Some(address), PushOutcome::Verified { .. }) = (address, &push.outcome) else {
                continue;
            };
            if push.adapter.is_some() {
                // vLLM 0.32 crashes on parallel prompts with an adapter. The probe of
                // the push was scored alone, and rollouts are checked again.
                continue;
            }
            let scored = retrial_servers::score(address, &access, timeout, None, &sequences).await;
            let scored = match scored {
                Ok(scored) => scored,
                // The push was verified on its probe, and rollouts are checked again.
                Err(failed) => {
                    let url = &push.url;
                    tracing::warn!(url, "its weights were not verified: {failed}");
                    continue;
                }
            };
            let scored: Vec<Vec<f64>> = responses
                .iter()
                .zip(scored)
                .map(|(response, all)| last(&all, response.logprobs.len()))
                .collect();
            let pairs = scored.iter().flatten().zip(now.iter().flatten());
            let differences =
                Differences::of(pairs.map(|(server, now)| (*server, f64::from(*now))));
            let evidence = Evidence::of(&tokens_of(&scored, &now, logprobs));
            let error = match self.suspicions.weigh(&push.url, version, evidence) {
                Err(stale) => stale.to_string(),
                Ok(_) if differences.exceed(tolerance) => format!(
                    "{} does not serve version {version}: it scores {} tokens {:.2e} nats away from \
                     the trainer in the mean ([server] tolerance is {tolerance})\n\
                     hint: check the server for another precision, another model or a stale cache",
                    push.url, differences.tokens, differences.mean
                ),
                Ok(_) => continue,
            };
            push.outcome = PushOutcome::Mismatched { error };
        }
        Ok(())
    }
}

/// Adds the results of another push to some of the servers.
fn merge(report: &mut PublishReport, pushed: PublishReport) {
    for push in pushed.servers {
        match report.servers.iter_mut().find(|known| known.url == push.url) {
            Some(known) => *known = push,
            None => report.servers.push(push),
        }
    }
}

/// The servers that confirm the push but do not have the weights, with the reason.
fn mismatches(report: &PublishReport) -> Vec<(String, String)> {
    let mismatch = |push: &ServerPublish| match &push.outcome {
        PushOutcome::Mismatched { error } => Some((push.url.clone(), error.clone())),
        _ => None,
    };
    report.servers.iter().filter_map(mismatch).collect()
}

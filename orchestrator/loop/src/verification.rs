//! Verifies on thousands of tokens that rollouts were sampled with the right weights.
//!
//! Before each update the trainer scores the rollouts under the weights that should have sampled
//! them, and under the previous ones. [`Evidence`] shows which weights the server's numbers belong to, and
//! [`judge`] whether they are the trainer's at all. After each push the servers score the same tokens:
//! see [`crate::pushing`].
//!
//! What cannot be queried (an unreachable server, a deleted version) is no
//! evidence, and does not stop a run.

use std::time::Instant;

use anyhow::{Context as _, Result};
use retrial_protocol::{ScoreRequest, Step, WeightVersion};
use retrial_servers::{CallError, Transience, Trouble};
use tokio::time::sleep;

use crate::agreement::{self, AgreementError, Disagreement, Reported, judge};
use crate::context::Context;
use crate::evidence::{Evidence, Token};
use crate::group::Group;
use crate::supervisor::Supervisor;
use crate::suspicions::{ROLLOUTS, Stale};

/// Limit on the scored tokens of one response: many responses say more than a long one.
const OF_A_RESPONSE: usize = 256;
/// How often a step is sampled again because other weights sampled it.
const SAMPLED_AGAIN: u32 = 2;

/// A scored response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its prompt and its tokens, or the first of them.
    pub sequence: Vec<u32>,
    /// The log-probabilities reported with these tokens.
    pub logprobs: Vec<f32>,
}

/// The tokens of a step, scored before its update.
pub struct Before {
    /// The scored responses.
    pub responses: Vec<Response>,
    /// The trainer's log-probabilities of their tokens, nats.
    pub logprobs: Vec<Vec<f32>>,
}

impl Before {
    fn of(responses: Vec<Response>, logprobs: Option<Vec<Vec<f32>>>) -> Option<Self> {
        logprobs.map(|logprobs| Self { responses, logprobs })
    }
}

/// The findings about the rollouts of a step.
#[derive(Default)]
pub struct Checked {
    /// How strong the evidence is that the right weights sampled them, standard errors.
    pub evidence: Option<f64>,
    /// Some of their tokens, scored before the update. `None` if there is nothing to score.
    pub before: Option<Before>,
}

/// Verifies that the rollouts of a step were sampled with the weights of their labels.
/// If not, they are removed from the log, the weights are pushed again, and `None` means that the step
/// must be sampled again; if that was done `again` times, it fails.
pub async fn verify(
    context: &Context,
    step: Step,
    groups: &[Group],
    again: u32,
) -> Result<Option<Checked>> {
    let tokens = context.config.verify_tokens();
    let first = groups.iter().flat_map(|group| &group.first).map(|graded| graded.rollout.version);
    let Some(version) = first.max() else { return Ok(Some(Checked::default())) };
    let responses = responses(groups, version, tokens);
    let error = match context.services.verify_rollouts(step, version, responses).await {
        Err(error) if is_of_server(&error) => error,
        checked => return checked.map(Some),
    };
    context.store.forget_step(context.id, step).await?;
    if again >= SAMPLED_AGAIN {
        return Err(error);
    }
    context.services.suspicions.note_wrong_weights();
    let text = error.to_string();
    let what = text.lines().next().unwrap_or_default();
    tracing::warn!("{what}; pushing the weights again and sampling step {step} again");
    let served = context.services.version().context("no weights have been pushed")?;
    context.services.publish(served, None).await?;
    Ok(None)
}

/// Whether an error means that a server's numbers do not belong to the weights of their label.
fn is_of_server(error: &anyhow::Error) -> bool {
    error.is::<Stale>() || error.is::<Disagreement>()
}

/// The responses of the first trial to score, of those that `version` sampled: of all groups
/// equally, until there are enough tokens.
fn responses(groups: &[Group], version: WeightVersion, tokens: usize) -> Vec<Response> {
    let most = groups.iter().map(|group| group.first.len()).max().unwrap_or_default();
    let at = |place: usize| {
        groups.iter().filter_map(move |group| Some((group, group.first.get(place)?)))
    };
    let mut left = tokens;
    let mut chosen = Vec::new();
    for (group, graded) in (0..most).flat_map(at) {
        let rollout = &graded.rollout;
        let count = rollout.tokens.len().min(rollout.logprobs.len()).min(OF_A_RESPONSE).min(left);
        if rollout.version == version && count > 0 && !group.prompt.is_empty() {
            left -= count;
            let sequence = [&group.prompt[..], &rollout.tokens[..count]].concat();
            chosen.push(Response { sequence, logprobs: rollout.logprobs[..count].to_vec() });
        }
    }
    chosen
}

impl Supervisor {
    /// Verifies that the servers' log-probabilities of sampled tokens are the trainer's. An unreachable server
    /// is retried, now if it is the only one, else after the next push. One with wrong answers
    /// fails on rollouts too, which handle it; those are compared as well.
    pub async fn compare_logprobs(&self, version: WeightVersion) -> Result<()> {
        let mut pauses = self.policy().pauses();
        loop {
            let clock = Instant::now();
            let Some(error) = self.compare_once(version).await? else {
                self.live.waiting(None);
                return Ok(());
            };
            let call = error.downcast_ref::<CallError>();
            let away = call.is_some_and(|call| call.trouble() == Trouble::Away);
            if !away || self.suspicions.has_compared() {
                self.live.waiting(None);
                return Ok(());
            }
            self.live.waiting(Some(format!("a comparison of log-probabilities: {error:#}")));
            let Some(pause) = pauses.after_nobody(clock.elapsed()) else {
                return Err(error.context(
                    "the servers' log-probabilities could not be compared with the trainer's\n\
                     hint: [server] patience_seconds waits longer",
                ));
            };
            sleep(pause).await;
        }
    }

    /// Compares the servers that were not compared yet. Returns why one could not be.
    async fn compare_once(&self, version: WeightVersion) -> Result<Option<anyhow::Error>> {
        let mut failure = None;
        for (server, adapter) in self.pool.serving(version) {
            let (url, trainer) = (server.url(), &self.trainer);
            if self.suspicions.is_compared(url) {
                continue;
            }
            let adapter = adapter.as_deref();
            let compared =
                agreement::compare(server, adapter, trainer, &self.probe, &self.config).await;
            match compared {
                Ok(mean) => {
                    tracing::info!(url, mean, "log-probs agree");
                    self.suspicions.note_compared(url);
                }
                Err(AgreementError::Disagreement(error)) => return Err(error.into()),
                Err(AgreementError::Call(error)) => {
                    let call = error.downcast_ref::<CallError>();
                    if call.is_some_and(|call| call.transience() == Transience::Permanent) {
                        return Err(error);
                    }
                    tracing::warn!(url, "log-probs were not compared yet: {error:#}");
                    failure = Some(error);
                }
            }
        }
        Ok(failure)
    }

    /// Verifies that the rollouts of a step were sampled with the weights of `version`, and have
    /// its log-probabilities.
    async fn verify_rollouts(
        &self,
        step: Step,
        version: WeightVersion,
        responses: Vec<Response>,
    ) -> Result<Checked> {
        let temperature = self.config.rollout.temperature;
        let base = step.base();
        let Some(scaled) = self.scored(&responses, temperature, version).await? else {
            // The weights that sampled are deleted; those before the update may exist.
            let before =
                if base == version { None } else { self.scored(&responses, 1.0, base).await? };
            return Ok(Checked { evidence: None, before: Before::of(responses, before) });
        };
        let plain = if temperature == 1.0 {
            scaled.clone()
        } else {
            let plain = self.scored(&responses, 1.0, version).await?;
            plain.unwrap_or_else(|| scaled.clone())
        };
        let reported = |((response, scaled), plain): ((&Response, &Vec<f32>), &Vec<f32>)| {
            let numbers = response.logprobs.iter().zip(scaled.iter().zip(plain));
            let token = |(server, (scaled, plain)): (&f32, (&f32, &f32))| Reported {
                server: f64::from(*server),
                scaled: f64::from(*scaled),
                plain: f64::from(*plain),
            };
            numbers.map(token).collect::<Vec<_>>()
        };
        let tokens: Vec<Reported> =
            responses.iter().zip(&scaled).zip(&plain).flat_map(reported).collect();
        judge("a server", &tokens, temperature, self.config.tolerance())?;

        let evidence = self.evidence_of(version, &responses, &scaled).await?;
        // For rollouts sampled ahead, the other weights are those before the update.
        let before =
            if base == version { Some(plain) } else { self.scored(&responses, 1.0, base).await? };
        Ok(Checked { evidence, before: Before::of(responses, before) })
    }

    /// How strongly the reported log-probabilities of responses support the weights of `version`,
    /// whose own are `scaled`, and against those before; standard errors.
    async fn evidence_of(
        &self,
        version: WeightVersion,
        responses: &[Response],
        scaled: &[Vec<f32>],
    ) -> Result<Option<f64>> {
        let Some(older) = version.0.checked_sub(1).map(WeightVersion) else {
            return Ok(None);
        };
        let temperature = self.config.rollout.temperature;
        let Some(before) = self.scored(responses, temperature, older).await? else {
            return Ok(None);
        };
        let server: Vec<Vec<f64>> = responses
            .iter()
            .map(|response| response.logprobs.iter().copied().map(f64::from).collect())
            .collect();
        let evidence = Evidence::of(&tokens_of(&server, scaled, &before));
        Ok(self.suspicions.weigh(ROLLOUTS, version, evidence)?)
    }

    /// The trainer's log-probabilities of the tokens of responses under a version. `None` if there
    /// is nothing to score, or the version no longer exists.
    pub(crate) async fn scored(
        &self,
        responses: &[Response],
        temperature: f64,
        version: WeightVersion,
    ) -> Result<Option<Vec<Vec<f32>>>> {
        if responses.is_empty() {
            return Ok(None);
        }
        let sequences = responses.iter().map(|response| response.sequence.clone()).collect();
        let request = ScoreRequest { sequences, temperature, version: Some(version) };
        let scored = self.with_trainer(|| self.trainer.score(&request)).await;
        let scored = match scored {
            Ok(scored) => scored,
            Err(error) => {
                let call = error.downcast_ref::<CallError>();
                if call.is_some_and(|call| call.transience() == Transience::Permanent) {
                    // It is deleted, or does not fit into memory beside the current one.
                    tracing::info!("version {version} cannot be scored: {error:#}");
                    return Ok(None);
                }
                return Err(error).with_context(|| format!("scoring version {version}"));
            }
        };
        let of_response =
            |(response, all): (&Response, Vec<f32>)| last(&all, response.logprobs.len());
        Ok(Some(responses.iter().zip(scored.logprobs).map(of_response).collect()))
    }
}

/// The last numbers of a sequence: the prompt's come first.
pub fn last<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    all[all.len().saturating_sub(count)..].to_vec()
}

/// Tokens as the server has them, as the trainer has them now, and before.
pub fn tokens_of(server: &[Vec<f64>], now: &[Vec<f32>], before: &[Vec<f32>]) -> Vec<Vec<Token>> {
    let of_response = |((server, now), before): ((&Vec<f64>, &Vec<f32>), &Vec<f32>)| {
        let numbers = server.iter().zip(now.iter().zip(before));
        numbers
            .map(|(&server, (&now, &before))| Token {
                server,
                now: f64::from(now),
                before: f64::from(before),
            })
            .collect()
    };
    server.iter().zip(now).zip(before).map(of_response).collect()
}

//! That the servers have the weights that they should have, seen on thousands of tokens.
//!
//! After each push the tokens of the step are scored by each server, and by the trainer as it was
//! before the update and as it is after it. Before each update the rollouts are scored by the trainer
//! under the weights that should have sampled them, and under those before. In both, [`Evidence`] says
//! which weights the server's numbers are of, and [`judge`] whether they are the trainer's at all.
//!
//! What cannot be asked (a server that is away, an old version that is not there any more) is no
//! evidence, and does not stop a run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use retrial_protocol::{PublishReport, PushOutcome, ScoreRequest, Step, WeightVersion};
use retrial_servers::{CallError, Differences, Transience, Trouble};
use tokio::time::sleep;

use crate::agreement::{self, AgreementError, Disagreement, Reported, judge};
use crate::context::Context;
use crate::evidence::{Evidence, Token};
use crate::group::Group;
use crate::supervisor::Supervisor;
use crate::suspicions::{ROLLOUTS, Stale};

/// Most tokens of one response that are scored: many responses tell more than a long one.
const OF_A_RESPONSE: usize = 256;

/// A response that is scored.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its prompt and its tokens, or the first of them.
    sequence: Vec<u32>,
    /// The log-probabilities that came with these tokens.
    logprobs: Vec<f32>,
}

/// The tokens of a step, scored before its update.
pub struct Before {
    responses: Vec<Response>,
    logprobs: Vec<Vec<f32>>,
}

/// Sees to it that the rollouts of a step were sampled with the weights that they are labelled with.
/// Those that were not leave the log: a run that goes on samples them again. Returns how strong the
/// evidence is.
pub async fn verify(context: &Context, step: Step, groups: &[Group]) -> Result<Option<f64>> {
    let tokens = context.config.verify_tokens();
    let first = groups.iter().flat_map(|group| &group.first).map(|graded| graded.rollout.version);
    let Some(version) = first.max() else { return Ok(None) };
    let responses = responses(groups, Some(version), tokens);
    let evidence = context.services.verify_rollouts(version, &responses).await;
    if evidence.as_ref().is_err_and(is_of_server) {
        context.store.forget_step(context.id, step).await?;
    }
    evidence
}

/// Whether an error says that a server's numbers are not of the weights they are labelled with.
fn is_of_server(error: &anyhow::Error) -> bool {
    error.is::<Stale>() || error.is::<Disagreement>()
}

/// The responses of the first trial that are scored, of those that `version` sampled: of all groups
/// alike, until there are enough tokens.
pub fn responses(groups: &[Group], version: Option<WeightVersion>, tokens: usize) -> Vec<Response> {
    let most = groups.iter().map(|group| group.first.len()).max().unwrap_or_default();
    let at = |place: usize| {
        groups.iter().filter_map(move |group| Some((group, group.first.get(place)?)))
    };
    let mut left = tokens;
    let mut chosen = Vec::new();
    for (group, graded) in (0..most).flat_map(at) {
        let rollout = &graded.rollout;
        let count = rollout.tokens.len().min(rollout.logprobs.len()).min(OF_A_RESPONSE).min(left);
        let wanted = version.is_none_or(|version| rollout.version == version);
        if wanted && count > 0 && !group.prompt.is_empty() {
            left -= count;
            let sequence = [&group.prompt[..], &rollout.tokens[..count]].concat();
            chosen.push(Response { sequence, logprobs: rollout.logprobs[..count].to_vec() });
        }
    }
    chosen
}

impl Supervisor {
    /// Sees to it that the servers' log-probabilities of sampled tokens are the trainer's. A server
    /// that is away is asked again, now if it is the only one, else after the next push. One that
    /// answers wrongly does so to rollouts too, which know what to do; those are compared as well.
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

    /// Sees to it that the rollouts of a step were sampled with the weights of `version`, and have
    /// its log-probabilities. Returns how strong the evidence is, standard errors.
    pub async fn verify_rollouts(
        &self,
        version: WeightVersion,
        responses: &[Response],
    ) -> Result<Option<f64>> {
        let temperature = self.config.rollout.temperature;
        let Some(scaled) = self.scored(responses, temperature, version).await? else {
            return Ok(None);
        };
        let plain = match temperature {
            1.0 => Some(scaled.clone()),
            _ => self.scored(responses, 1.0, version).await?,
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
        let plain = plain.unwrap_or_else(|| scaled.clone());
        let tokens: Vec<Reported> =
            responses.iter().zip(&scaled).zip(&plain).flat_map(reported).collect();
        judge("a server", &tokens, temperature, self.config.tolerance())?;

        let Some(older) = version.0.checked_sub(1).map(WeightVersion) else {
            return Ok(None);
        };
        let Some(before) = self.scored(responses, temperature, older).await? else {
            return Ok(None);
        };
        let server: Vec<Vec<f64>> = responses
            .iter()
            .map(|response| response.logprobs.iter().copied().map(f64::from).collect())
            .collect();
        let evidence = Evidence::of(&tokens_of(&server, &scaled, &before));
        Ok(self.suspicions.weigh(ROLLOUTS, version, evidence)?)
    }

    /// Scores the tokens of a step as the trainer is before its update. `None` where that is over.
    pub async fn before_update(
        &self,
        step: Step,
        responses: Vec<Response>,
    ) -> Result<Option<Before>> {
        let logprobs = self.scored(&responses, 1.0, step.base()).await?;
        Ok(logprobs.map(|logprobs| Before { responses, logprobs }))
    }

    /// Sees to it that each server that has taken a push scores tokens as the trainer does after the
    /// update, and not as it did before it.
    pub async fn verify_push(&self, report: &PublishReport, before: &Before) -> Result<()> {
        let Before { responses, logprobs } = before;
        let version = report.version;
        let Some(now) = self.scored(responses, 1.0, version).await? else {
            return Ok(());
        };
        let timeout = Duration::from_secs(self.config.server.push_timeout_seconds);
        let access = self.config.server.access();
        let sequences: Vec<Vec<u32>> =
            responses.iter().map(|response| response.sequence.clone()).collect();
        for push in &report.servers {
            let address = self.servers.iter().find(|address| address.url == push.url);
            let (Some(address), PushOutcome::Verified { .. }) = (address, &push.outcome) else {
                continue;
            };
            if push.adapter.is_some() {
                // vLLM 0.32 dies of prompts with an adapter that are scored side by side. The probe of
                // the push was scored alone, and rollouts are looked at again.
                continue;
            }
            let scored = retrial_servers::score(address, &access, timeout, None, &sequences).await;
            let scored = match scored {
                Ok(scored) => scored,
                // The push was verified on its probe, and rollouts are looked at again.
                Err(failed) => {
                    let url = &push.url;
                    tracing::warn!(url, "its weights were not looked at closely: {failed}");
                    continue;
                }
            };
            let scored: Vec<Vec<f64>> = responses
                .iter()
                .zip(scored)
                .map(|(response, all)| last(&all, response.logprobs.len()))
                .collect();
            let tolerance = self.config.tolerance();
            let pairs = scored.iter().flatten().zip(now.iter().flatten());
            let differences =
                Differences::of(pairs.map(|(server, now)| (*server, f64::from(*now))));
            let evidence = Evidence::of(&tokens_of(&scored, &now, logprobs));
            self.suspicions.weigh(&push.url, version, evidence)?;
            if differences.exceed(tolerance) {
                bail!(
                    "{} does not serve version {version}: it scores {} tokens {:.2e} nats away from \
                     the trainer in the mean ([server] tolerance is {tolerance})\n\
                     hint: look for another precision, another model or a stale cache on the server",
                    push.url,
                    differences.tokens,
                    differences.mean
                );
            }
        }
        Ok(())
    }

    /// The trainer's log-probabilities of the tokens of responses under a version. `None` where there
    /// is nothing to score, or it does not have the version any more.
    async fn scored(
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
                    // It is gone, or there is no memory for it beside the present one.
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
fn last<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    all[all.len().saturating_sub(count)..].to_vec()
}

fn tokens_of(server: &[Vec<f64>], now: &[Vec<f32>], before: &[Vec<f32>]) -> Vec<Vec<Token>> {
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

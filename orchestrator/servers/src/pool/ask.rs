//! Rollouts from a pool: a group from the least loaded server, with as many attempts as
//! needed.

use std::time::Instant;

use anyhow::Result;
use retrial_protocol::WeightVersion;
use tokio::time::timeout_at;

use super::core::Pool;
use super::error::PoolError;
use super::group::{Group, Outcome};
use super::place::{Place, Then};
use crate::arrival::{Oddities, Share, checked};
use crate::error::{CallError, Trouble};
use crate::sample::{Response, SampleRequest, Sampled};

impl Pool {
    /// The result of [`Self::ask`] if every response must be usable.
    pub async fn sample(
        &self,
        version: WeightVersion,
        request: SampleRequest<'_>,
    ) -> Result<Vec<Sampled>> {
        let outcomes = match self.ask(version, request).await {
            Err(PoolError::NoServer(none)) => return Err(none.into()),
            outcomes => outcomes?,
        };
        let sampled = |outcome| match outcome {
            Outcome::Sampled(sampled) => Ok(sampled),
            Outcome::GivenUp { reason } => {
                Err(anyhow::anyhow!("a response was given up: {reason}"))
            }
        };
        outcomes.into_iter().map(sampled).collect()
    }

    /// Samples with the weights of `version`, on the least loaded server. A request
    /// with a temporary failure is retried, on another server if there is one; an
    /// unusable response is requested again, and in the end given up.
    pub async fn ask(
        &self,
        version: WeightVersion,
        request: SampleRequest<'_>,
    ) -> Result<Vec<Outcome>, PoolError> {
        let mut group = Group::new(request);
        loop {
            let (place, responses) = self.once(version, group.request()).await?;
            let url = self.servers[place.index].url();
            let Some(problem) = group.take(responses) else {
                place.succeeded();
                break;
            };
            let error = CallError::unusable(url, problem);
            // Another response of the request is usable, so the server is not to blame.
            let failures = if group.has_any() {
                place.succeeded();
                group.attempts()
            } else {
                self.after(place, &error)?
            };
            if !group.may_be_asked_again() {
                tracing::warn!(%error, "a response is given up");
                break;
            }
            tracing::warn!(%error, "a response cannot be used; it is requested again");
            self.pause(failures).await;
        }
        Ok(group.outcomes())
    }

    /// An answer to one request as a whole, with as many attempts as needed.
    async fn once(
        &self,
        version: WeightVersion,
        request: SampleRequest<'_>,
    ) -> Result<(Place<'_>, Vec<Response>), PoolError> {
        loop {
            let place = self.take(version).await?;
            let server = &self.servers[place.index];
            let adapter = place.adapter.clone();
            let request = SampleRequest { adapter: adapter.as_deref(), ..request };
            let answer = self.patiently(place.index, server.ask(request)).await;
            let error =
                match answer.and_then(|all| self.arrived(server.url(), version, &request, all)) {
                    Ok(responses) => {
                        self.look_at_numbers(server.url(), &responses)?;
                        return Ok((place, responses));
                    }
                    Err(error) => error,
                };
            if error.trouble() == Trouble::Final {
                return Err(error.into());
            }
            tracing::warn!(%error, "a rollout request failed; trying again");
            let failures = self.after(place, &error)?;
            // An unreachable server is paused for all requests.
            if error.trouble() == Trouble::Wrong {
                self.pause(failures).await;
            }
        }
    }

    /// Checks an answer: the version of its weights, and each response.
    fn arrived(
        &self,
        url: &str,
        version: WeightVersion,
        request: &SampleRequest<'_>,
        responses: Vec<Response>,
    ) -> Result<Vec<Response>, CallError> {
        let foreign = self.pushes.then(|| foreign_label(&responses, version)).flatten();
        if let Some(problem) = foreign {
            return Err(CallError::unusable(url, problem));
        }
        let vocabulary = self.vocabulary.get().copied();
        let check = |(index, response): (usize, Response)| {
            response.and_then(|sampled| checked(index, sampled, request, vocabulary))
        };
        Ok(responses.into_iter().enumerate().map(check).collect())
    }

    /// Counts implausible log-probabilities.
    fn look_at_numbers(&self, url: &str, responses: &[Response]) -> Result<(), PoolError> {
        let mut state = self.lock();
        responses.iter().flatten().for_each(|sampled| state.oddities.add(sampled));
        let oddities = state.oddities;
        let share = oddities.share();
        if share == Share::TooMany {
            return Err(PoolError::Implausible { url: url.into(), oddities });
        }
        let first = share == Share::Some && !std::mem::replace(&mut state.told_of_oddities, true);
        drop(state);
        if first {
            let Oddities { positive, unlikely, .. } = oddities;
            tracing::warn!(
                url,
                positive,
                unlikely,
                "log-probabilities above 0, or of tokens far too unlikely to be sampled"
            );
        }
        Ok(())
    }

    /// Ends a failed request. Returns the number of consecutive failures of the server.
    fn after(&self, place: Place<'_>, error: &CallError) -> Result<u32, PoolError> {
        let url = self.servers[place.index].url();
        match place.failed(error) {
            Then::Stop(waited) => Err(PoolError::Patience {
                url: url.into(),
                waited: waited.as_secs(),
                last: error.to_string(),
            }),
            Then::Again(failures) => self.check_budget().map(|()| failures),
        }
    }

    async fn pause(&self, failures: u32) {
        tokio::time::sleep(self.limits.pause * 2_u32.pow(failures.saturating_sub(1).min(6))).await;
    }

    /// Waits for an answer, and warns whenever the server has been silent for long.
    async fn patiently<T>(&self, index: usize, answer: impl Future<Output = T>) -> T {
        tokio::pin!(answer);
        loop {
            let due = self.lock().members[index].silence_is_due(self.limits.stall);
            match timeout_at(due.into(), &mut answer).await {
                Ok(answer) => return answer,
                Err(_) => self.tell_silence(index),
            }
        }
    }

    /// Warns that a server is silent; one of the requests that wait for it does so for all.
    fn tell_silence(&self, index: usize) {
        let now = Instant::now();
        let silence = {
            let member = &mut self.lock().members[index];
            if member.silence_is_due(self.limits.stall) > now {
                return;
            }
            member.told = Some(now);
            member.silence(self.servers[index].url(), now, self.limits.stall)
        };
        if let Some(silence) = silence {
            tracing::warn!("waiting for {silence}");
        }
    }

    fn check_budget(&self) -> Result<(), PoolError> {
        let state = self.lock();
        if state.failed > self.limits.budget {
            let (failed, last) = (state.failed, state.last_failure.clone());
            return Err(PoolError::Budget { failed, last });
        }
        Ok(())
    }
}

/// The problem if a response was sampled with other weights than requested.
fn foreign_label(responses: &[Response], version: WeightVersion) -> Option<String> {
    let expected = version.to_string();
    let mut labels = responses.iter().flatten().flat_map(|sampled| &sampled.labels);
    let foreign = labels.find(|label| **label != expected)?;
    Some(format!("it sampled with version `{foreign}`, version {version} was pushed to it"))
}

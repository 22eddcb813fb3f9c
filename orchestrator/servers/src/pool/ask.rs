//! Rollouts of a pool: a group from whichever server has the least to do, however many attempts it
//! takes.

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
    /// What [`Self::ask`] gives, where every response has to be there.
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

    /// Samples with the weights of `version`, on whichever server has the least to do. A request
    /// that fails for a passing reason is made again, elsewhere if there is another server; a
    /// response that cannot be used is asked for again, and in the end given up.
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
            // A server that can do the others is not the one to blame.
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
            tracing::warn!(%error, "a response cannot be used; it is asked for again");
            self.pause(failures).await;
        }
        Ok(group.outcomes())
    }

    /// An answer to one request as a whole, however many attempts it takes.
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
            tracing::warn!(%error, "a rollout request failed; it is made again");
            let failures = self.after(place, &error)?;
            // One that is away rests by itself, for all requests.
            if error.trouble() == Trouble::Wrong {
                self.pause(failures).await;
            }
        }
    }

    /// Checks what has arrived: whose weights it is of, and each response.
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

    /// Counts log-probabilities that cannot be.
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
                "log-probabilities above 0, or of tokens that nobody samples"
            );
        }
        Ok(())
    }

    /// Ends a request that failed. Returns how many of the server's requests have failed in a row.
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

    /// Waits for an answer, and says so whenever the server has been silent for long.
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

/// What is wrong if a response was sampled with other weights than those asked for.
fn foreign_label(responses: &[Response], version: WeightVersion) -> Option<String> {
    let expected = version.to_string();
    let mut labels = responses.iter().flatten().flat_map(|sampled| &sampled.labels);
    let foreign = labels.find(|label| **label != expected)?;
    Some(format!("it sampled with version `{foreign}`, version {version} was pushed to it"))
}

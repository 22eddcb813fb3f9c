//! `http`: a service that verifies submissions in batches.

use std::collections::HashMap;
use std::time::Duration;

use futures::future::try_join_all;
use retrial_domain::{HttpSettings, Submission};
use retrial_grader::Extraction;
use retrial_protocol::Access;
use retrial_servers::{Address, CallError, Caller, Keyring, Policy, Trouble};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::error::OpenError;
use crate::outcome::{Outcome, answer_text};
use crate::wire::{Received, Sent};

/// Attempts for a submission alone after its batch has failed.
const ALONE: usize = 2;

/// A verifier behind a URL.
#[derive(Debug)]
pub(crate) struct Service {
    caller: Caller,
    batch: usize,
    requests: Semaphore,
}

#[derive(Serialize)]
struct Query<'a> {
    submissions: Vec<Sent<'a>>,
}

#[derive(Deserialize)]
struct Answered {
    verdicts: Vec<Received>,
}

/// A submission and the answer extracted from it.
type Item<'a> = (&'a Submission, Option<String>);

impl Service {
    /// Makes the client. The service is first called with the first batch.
    pub(crate) fn open(settings: &HttpSettings) -> Result<Self, OpenError> {
        let access = Access {
            api_key_env: settings.api_key_env.clone(),
            headers: settings.headers.clone(),
            ..Access::default()
        };
        let caller = || {
            let keyring = Keyring::of_verifier(&access)?;
            let timeout = Duration::from_secs_f64(settings.timeout_seconds);
            Caller::new(&keyring, &Address::parse(&settings.url)?, timeout)
        };
        let caller = caller().map_err(|error| OpenError::new(error.to_string()))?;
        Ok(Self { caller, batch: settings.batch, requests: Semaphore::new(settings.workers) })
    }

    /// The outcome for each response.
    pub(crate) async fn judge(
        &self,
        submissions: &[Submission],
        extraction: Extraction,
    ) -> Vec<Outcome> {
        let items: Vec<Item<'_>> = submissions
            .iter()
            .map(|submission| (submission, answer_text(submission, extraction)))
            .collect();
        let batches = items.chunks(self.batch).map(|batch| async move {
            let _request = self.requests.acquire().await.expect("the semaphore is never closed");
            Ok::<_, std::convert::Infallible>(self.batch(batch).await)
        });
        match try_join_all(batches).await {
            Ok(batches) => batches.into_iter().flatten().collect(),
            Err(never) => match never {},
        }
    }

    async fn batch(&self, items: &[Item<'_>]) -> Vec<Outcome> {
        let first = Policy::BRIEF.run(|| self.call(items)).await;
        let mut outcomes = match first {
            Ok(outcomes) => outcomes,
            // A single submission may be the cause, so each is retried alone.
            Err(error) if items.len() > 1 && error.trouble() != Trouble::Away => {
                vec![Err(error.problem()); items.len()]
            }
            Err(error) => {
                let problem = error.to_string();
                tracing::warn!(problem, "a batch of responses could not be verified");
                return vec![Outcome::Unverified(problem); items.len()];
            }
        };
        let mut decided = Vec::with_capacity(items.len());
        for (item, outcome) in items.iter().zip(&mut outcomes) {
            for _ in 0..ALONE {
                if outcome.is_ok() {
                    break;
                }
                let again = self.call(std::slice::from_ref(item)).await;
                *outcome = match again {
                    Ok(mut alone) => alone.pop().expect("a batch of one has one verdict"),
                    Err(error) => Err(error.problem()),
                };
            }
            decided.push(match outcome {
                Ok(outcome) => outcome.clone(),
                Err(problem) => {
                    let id = &item.0.id;
                    tracing::warn!(submission = id, problem, "a response could not be verified");
                    Outcome::Unverified(problem.clone())
                }
            });
        }
        decided
    }

    /// Sends one request. The outcome for each submission, or what is wrong with its verdict.
    async fn call(&self, items: &[Item<'_>]) -> Result<Vec<Result<Outcome, String>>, CallError> {
        let submissions = items.iter().map(|(of, found)| Sent::new(of, found.as_deref())).collect();
        let answered: Answered = self.caller.post("", &Query { submissions }).await?;
        let mut verdicts: HashMap<String, Received> =
            answered.verdicts.into_iter().map(|verdict| (verdict.id.clone(), verdict)).collect();
        let each = items.iter().map(|(submission, found)| match verdicts.remove(&submission.id) {
            Some(verdict) => verdict.outcome(found.as_deref()),
            None => Err("its answer has no verdict with this id".to_owned()),
        });
        let each: Vec<_> = each.collect();
        match verdicts.into_keys().next() {
            None => Ok(each),
            Some(id) => Err(CallError::unusable(
                self.caller.url(),
                format!("it has a verdict for `{id}`, which was not in the request"),
            )),
        }
    }
}

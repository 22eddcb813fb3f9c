//! `http`: a service that gets submissions in batches.

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
use crate::opinion::{Opinion, answer_text};
use crate::wire::{Received, Sent};

/// How often a submission is asked about alone after its batch has failed.
const ALONE: usize = 2;

/// The service.
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

/// A submission and the answer in it.
type Item<'a> = (&'a Submission, Option<String>);

impl Service {
    /// Makes the client; the service is called when there is something to ask.
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

    /// What the service says of responses.
    pub(crate) async fn judge(
        &self,
        submissions: &[Submission],
        extraction: Extraction,
    ) -> Vec<Opinion> {
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

    async fn batch(&self, items: &[Item<'_>]) -> Vec<Opinion> {
        let first = Policy::BRIEF.run(|| self.call(items)).await;
        let mut opinions = match first {
            Ok(opinions) => opinions,
            // One submission may be what the service cannot bear.
            Err(error) if items.len() > 1 && error.trouble() != Trouble::Away => {
                vec![Err(error.problem()); items.len()]
            }
            Err(error) => {
                let problem = error.to_string();
                tracing::warn!(problem, "the verdicts of a batch were given up on");
                return vec![Opinion::GivenUp(problem); items.len()];
            }
        };
        let mut decided = Vec::with_capacity(items.len());
        for (item, opinion) in items.iter().zip(&mut opinions) {
            for _ in 0..ALONE {
                if opinion.is_ok() {
                    break;
                }
                let again = self.call(std::slice::from_ref(item)).await;
                *opinion = match again {
                    Ok(mut alone) => alone.pop().expect("a batch of one has one verdict"),
                    Err(error) => Err(error.problem()),
                };
            }
            decided.push(match opinion {
                Ok(opinion) => opinion.clone(),
                Err(problem) => {
                    let id = &item.0.id;
                    tracing::warn!(submission = id, problem, "a verdict was given up on");
                    Opinion::GivenUp(problem.clone())
                }
            });
        }
        decided
    }

    /// Asks once. The verdict of each, or what is wrong with it.
    async fn call(&self, items: &[Item<'_>]) -> Result<Vec<Result<Opinion, String>>, CallError> {
        let submissions = items.iter().map(|(of, found)| Sent::new(of, found.as_deref())).collect();
        let answered: Answered = self.caller.post("", &Query { submissions }).await?;
        let mut verdicts: HashMap<String, Received> =
            answered.verdicts.into_iter().map(|verdict| (verdict.id.clone(), verdict)).collect();
        let each = items.iter().map(|(submission, found)| match verdicts.remove(&submission.id) {
            Some(verdict) => verdict.opinion(found.as_deref()),
            None => Err("its answer has no verdict with this id".to_owned()),
        });
        let each: Vec<_> = each.collect();
        match verdicts.into_keys().next() {
            None => Ok(each),
            Some(id) => Err(CallError::unusable(
                self.caller.url(),
                format!("it has a verdict for `{id}`, which nobody has asked about"),
            )),
        }
    }
}

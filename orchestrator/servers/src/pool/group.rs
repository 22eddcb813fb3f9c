//! The responses of one request, collected over several attempts.
//!
//! A retry with the same seed may fail in the same way: a model that repeats itself under one
//! seed does so every time. After a few attempts other seeds are tried, only for what is missing, and
//! then what is still missing is given up: it has no reward, and the run continues.

use crate::sample::{Response, SampleRequest, Sampled};

/// Attempts with the requested seed, because the cause may be temporary,
const OWN_SEED: u32 = 3;
/// and then with others.
const OTHER_SEEDS: u32 = 3;

/// The outcome of a requested response.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was sampled.
    Sampled(Sampled),
    /// No attempt gave a usable response. It is not a wrong answer and counts nowhere.
    GivenUp {
        /// The problem of the last one.
        reason: String,
    },
}

/// A group that is being collected.
#[derive(Debug)]
pub(super) struct Group<'a> {
    request: SampleRequest<'a>,
    found: Vec<Option<Sampled>>,
    attempts: u32,
    reason: String,
}

impl<'a> Group<'a> {
    /// Nothing has arrived.
    pub fn new(request: SampleRequest<'a>) -> Self {
        let found = vec![None; request.n as usize];
        Self { request, found, attempts: 0, reason: String::new() }
    }

    /// The next request.
    pub fn request(&self) -> SampleRequest<'a> {
        if self.attempts < OWN_SEED {
            return self.request;
        }
        let missing = self.found.iter().filter(|found| found.is_none()).count() as u32;
        let seed = self.request.seed.of_text("again").of(u64::from(self.attempts));
        SampleRequest { n: missing, seed, ..self.request }
    }

    /// Takes the responses to [`Self::request`]. Returns the problem of one of those that are
    /// still missing.
    pub fn take(&mut self, responses: Vec<Response>) -> Option<&str> {
        let whole = self.attempts < OWN_SEED;
        self.attempts += 1;
        let wanted = self.found.iter_mut().filter(|found| whole || found.is_none());
        let mut complete = true;
        for (found, response) in wanted.zip(responses) {
            match response {
                Ok(sampled) => *found = found.take().or(Some(sampled)),
                Err(reason) if found.is_none() => {
                    complete = false;
                    self.reason = reason;
                }
                Err(_) => {}
            }
        }
        (!complete).then_some(self.reason.as_str())
    }

    /// Attempts so far.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Whether any response was usable.
    pub fn has_any(&self) -> bool {
        self.found.iter().any(Option::is_some)
    }

    /// Whether to try again.
    pub fn may_be_asked_again(&self) -> bool {
        self.attempts < OWN_SEED + OTHER_SEEDS
    }

    /// The outcome of each response.
    pub fn outcomes(self) -> Vec<Outcome> {
        let given_up = |found: Option<Sampled>| match found {
            Some(sampled) => Outcome::Sampled(sampled),
            None => Outcome::GivenUp { reason: self.reason.clone() },
        };
        self.found.into_iter().map(given_up).collect()
    }
}

#[cfg(test)]
mod tests {
    use retrial_lte::Seed;
    use retrial_protocol::FinishReason;

    use super::*;

    const REQUEST: SampleRequest<'static> = SampleRequest {
        prompt: &[1],
        n: 3,
        seed: Seed(7),
        max_tokens: 4,
        temperature: 1.0,
        top_p: 1.0,
        stop: &[],
        adapter: None,
    };

    #[allow(clippy::unnecessary_wraps)] // it is a response
    fn sound(id: u32) -> Response {
        let (tokens, logprobs) = (vec![id], vec![-0.5]);
        Response::Ok(Sampled { tokens, logprobs, finish: FinishReason::Stop, labels: vec![] })
    }

    fn bad() -> Response {
        Err("response 1 ended with `repetition`".into())
    }

    #[test]
    fn what_is_missing_is_asked_for_with_other_seeds_and_then_given_up() {
        let mut group = Group::new(REQUEST);
        let mut seeds = Vec::new();
        while group.may_be_asked_again() {
            let SampleRequest { n, seed, .. } = group.request();
            seeds.push((n, seed.0));
            let answer = if n == 3 { vec![sound(1), bad(), sound(3)] } else { vec![bad()] };
            assert_eq!(group.take(answer), Some("response 1 ended with `repetition`"));
        }
        assert_eq!(seeds[..3], [(3, 7); 3]);
        let others: std::collections::HashSet<_> = seeds[3..].iter().collect();
        assert_eq!(others.len(), 3, "each with another seed: {seeds:?}");
        assert!(seeds[3..].iter().all(|&(n, seed)| n == 1 && seed != 7));
        let outcomes = group.outcomes();
        assert!(matches!(&outcomes[0], Outcome::Sampled(sampled) if sampled.tokens == [1]));
        assert!(matches!(&outcomes[1], Outcome::GivenUp { reason } if reason.contains("repet")));
        assert!(matches!(&outcomes[2], Outcome::Sampled(sampled) if sampled.tokens == [3]));
    }

    #[test]
    fn a_response_of_another_seed_takes_the_place_of_the_missing_one() {
        let mut group = Group::new(REQUEST);
        for _ in 0..OWN_SEED {
            group.take(vec![bad(), sound(2), bad()]);
        }
        assert_eq!(group.request().n, 2);
        assert_eq!(group.take(vec![sound(8), sound(9)]), None);
        let ids = group.outcomes().into_iter().map(|outcome| match outcome {
            Outcome::Sampled(sampled) => sampled.tokens[0],
            Outcome::GivenUp { reason } => panic!("{reason}"),
        });
        assert_eq!(ids.collect::<Vec<_>>(), [8, 2, 9]);
    }
}

//! Checks of a response on arrival: what the trainer would reject later is a failed
//! request now, and implausible numbers are counted.

use crate::sample::{Response, SampleRequest, Sampled};

/// A log-probability is at most 0; this much above 0 is rounding.
const ROUNDING: f32 = 1e-3;
/// A token with a probability of 1e-13 is never sampled.
const UNLIKELY: f32 = -30.0;
/// Tokens to count before their share is meaningful,
const ENOUGH: u64 = 1000;
/// and the share of implausible ones from which the numbers are not the server's log-probabilities.
const TOO_MANY: f64 = 0.01;

/// Checks ids and length of a response.
pub fn checked(
    index: usize,
    sampled: Sampled,
    request: &SampleRequest<'_>,
    vocabulary: Option<usize>,
) -> Response {
    let (tokens, most) = (sampled.tokens.len(), request.max_tokens);
    if tokens > most {
        return Err(format!("response {index} has {tokens} tokens, at most {most} were requested"));
    }
    let unknown = |&&id: &&u32| vocabulary.is_some_and(|size| id as usize >= size);
    match (sampled.tokens.iter().find(unknown), vocabulary) {
        (Some(id), Some(size)) => Err(format!(
            "response {index} has the token id {id}, the model's vocabulary has {size}: the server \
             serves another model"
        )),
        _ => Ok(sampled),
    }
}

/// Counts of implausible log-probabilities among all sampled tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Sampled tokens.
    pub tokens: u64,
    /// Those with a log-probability above 0.
    pub positive: u64,
    /// Those so unlikely that they are never sampled.
    pub unlikely: u64,
}

/// Conclusion from the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// There are none.
    Nothing,
    /// A few: reported once.
    Some,
    /// So many that the numbers cannot be log-probabilities of the sampled tokens.
    TooMany,
}

impl Oddities {
    /// Adds the counts of a response.
    pub fn add(&mut self, sampled: &Sampled) {
        self.add_logprobs(&sampled.logprobs);
    }

    /// Counts the log-probabilities of a response.
    pub fn add_logprobs(&mut self, logprobs: &[f32]) {
        let count = |test: fn(f32) -> bool| {
            logprobs.iter().filter(|&&logprob| test(logprob)).count() as u64
        };
        self.tokens += logprobs.len() as u64;
        self.positive += count(|logprob| logprob > ROUNDING);
        self.unlikely += count(|logprob| logprob < UNLIKELY);
    }

    /// How many are implausible.
    pub fn odd(&self) -> u64 {
        self.positive + self.unlikely
    }

    /// The conclusion.
    pub fn share(&self) -> Share {
        let odd = self.odd();
        if odd == 0 {
            Share::Nothing
        } else if self.tokens < ENOUGH || (odd as f64) < TOO_MANY * self.tokens as f64 {
            Share::Some
        } else {
            Share::TooMany
        }
    }
}

#[cfg(test)]
mod tests {
    use retrial_lte::Seed;
    use retrial_protocol::FinishReason;

    use super::*;

    fn response(tokens: Vec<u32>, logprob: f32) -> Sampled {
        let logprobs = vec![logprob; tokens.len()];
        Sampled { tokens, logprobs, finish: FinishReason::Stop, labels: vec![] }
    }

    const REQUEST: SampleRequest<'static> = SampleRequest {
        prompt: &[1],
        n: 1,
        seed: Seed(0),
        max_tokens: 3,
        temperature: 1.0,
        top_p: 1.0,
        stop: &[],
        adapter: None,
    };

    #[test]
    fn what_the_trainer_would_refuse_is_refused_on_arrival() {
        let check = |tokens| checked(2, response(tokens, -1.0), &REQUEST, Some(50));
        assert!(check(vec![0, 49, 7]).is_ok());
        let unknown = check(vec![0, 50]).unwrap_err();
        assert!(unknown.contains("response 2 has the token id 50, the model's vocabulary has 50"));
        assert!(check(vec![1; 4]).unwrap_err().contains("has 4 tokens, at most 3 were requested"));
        assert!(checked(0, response(vec![999], -1.0), &REQUEST, None).is_ok());
    }

    #[test]
    fn numbers_that_cannot_be_are_counted() {
        let mut oddities = Oddities::default();
        oddities.add(&response(vec![1; 2000], -0.5));
        oddities.add(&response(vec![1; 10], 1e-4));
        assert_eq!(oddities.share(), Share::Nothing);
        oddities.add(&response(vec![1; 5], 0.5));
        oddities.add(&response(vec![1; 5], -50.0));
        assert_eq!((oddities.positive, oddities.unlikely), (5, 5));
        assert_eq!(oddities.share(), Share::Some);
        oddities.add(&response(vec![1; 20], -50.0));
        assert_eq!(oddities.share(), Share::TooMany);
    }
}

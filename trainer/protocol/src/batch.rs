//! The samples of one step.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which sum of the objective a sample belongs to (arXiv 2510.26109, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Sampled on the prompt it is trained against: clipped importance ratio.
    OnPolicy,
    /// Sampled under a hint and trained against the un-hinted prompt: shaped ratio, no clipping.
    Hinted,
}

/// One response to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Token ids of the un-hinted prompt, even if the response was sampled under a hint.
    pub prompt: Vec<u32>,
    /// Token ids of the response as they were sampled, including the end token.
    pub response: Vec<u32>,
    /// Log-probability of each response token in nats, as the sampler reported it, in the context
    /// in which it was sampled. For [`Part::Hinted`] that context has the hint.
    pub sampler_logprobs: Vec<f32>,
    /// The advantage, the same for every token of the response.
    pub advantage: f32,
    /// Which sum of the objective the sample belongs to.
    pub part: Part,
}

/// All samples of a step. Samples with advantage 0 are included, because they count in the token
/// normalisers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Batch {
    /// The samples, group after group.
    pub samples: Vec<Sample>,
}

/// SHA-256 of a batch's content, in hexadecimal. With it the trainer recognises a step that it has
/// already taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchDigest(pub String);

/// Why a batch cannot be trained on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sample {index} of the batch {problem}")]
pub struct InvalidBatch {
    /// Position of the sample in the batch.
    pub index: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl Batch {
    /// Checks every sample: neither side empty, token ids inside the vocabulary, one finite
    /// log-probability a token, a finite advantage, no more tokens than `context`.
    pub fn validate(&self, vocabulary: usize, context: usize) -> Result<(), InvalidBatch> {
        self.samples.iter().enumerate().try_for_each(|(index, sample)| {
            sample
                .problem(vocabulary, context)
                .map_or(Ok(()), |problem| Err(InvalidBatch { index, problem }))
        })
    }

    /// Response tokens of a part.
    pub fn response_tokens(&self, part: Part) -> usize {
        let of_part = self.samples.iter().filter(|sample| sample.part == part);
        of_part.map(|sample| sample.response.len()).sum()
    }

    /// A digest. Two batches have the same one only if they are equal bit for bit.
    pub fn digest(&self) -> BatchDigest {
        let mut hash = Sha256::new();
        let mut ids = |ids: &[u32]| {
            hash.update((ids.len() as u64).to_le_bytes());
            for id in ids {
                hash.update(id.to_le_bytes());
            }
        };
        for sample in &self.samples {
            ids(&sample.prompt);
            ids(&sample.response);
            ids(&sample.sampler_logprobs.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
            ids(&[sample.advantage.to_bits(), u32::from(sample.part == Part::Hinted)]);
        }
        let digest = hash.finalize();
        BatchDigest(digest.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }
}

impl Sample {
    /// Prompt and response together, in tokens.
    pub fn tokens(&self) -> usize {
        self.prompt.len() + self.response.len()
    }

    fn problem(&self, vocabulary: usize, context: usize) -> Option<String> {
        let unknown = |ids: &[u32]| ids.iter().find(|&&id| id as usize >= vocabulary).copied();
        if self.prompt.is_empty() {
            Some("has an empty prompt".into())
        } else if self.response.is_empty() {
            Some("has an empty response".into())
        } else if self.sampler_logprobs.len() != self.response.len() {
            Some(format!(
                "has {} response tokens but {} log-probabilities",
                self.response.len(),
                self.sampler_logprobs.len()
            ))
        } else if self.tokens() > context {
            Some(format!("has {} tokens, the model's context is {context}", self.tokens()))
        } else if let Some(id) = unknown(&self.prompt).or_else(|| unknown(&self.response)) {
            Some(format!("has token id {id}, the vocabulary has {vocabulary}"))
        } else if !self.sampler_logprobs.iter().all(|x| x.is_finite()) {
            Some("has a log-probability that is not finite".into())
        } else if !self.advantage.is_finite() {
            Some("has an advantage that is not finite".into())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Sample {
        Sample {
            prompt: vec![1, 2],
            response: vec![3, 4],
            sampler_logprobs: vec![-0.1, -2.5],
            advantage: 0.5,
            part: Part::OnPolicy,
        }
    }

    #[test]
    fn a_sound_batch_passes() {
        assert_eq!(Batch { samples: vec![sample()] }.validate(5, 4), Ok(()));
        assert_eq!(Batch::default().validate(5, 4), Ok(()));
    }

    #[test]
    fn each_defect_is_named() {
        type Damage = fn(&mut Sample);
        let cases: [(Damage, &str); 7] = [
            (|s| s.prompt.clear(), "has an empty prompt"),
            (|s| s.response.clear(), "has an empty response"),
            (|s| s.sampler_logprobs.truncate(1), "has 2 response tokens but 1 log-probabilities"),
            (|s| s.prompt.push(0), "has 5 tokens, the model's context is 4"),
            (|s| s.response[0] = 5, "has token id 5, the vocabulary has 5"),
            (|s| s.sampler_logprobs[0] = f32::NAN, "has a log-probability that is not finite"),
            (|s| s.advantage = f32::INFINITY, "has an advantage that is not finite"),
        ];
        for (damage, problem) in cases {
            let mut bad = sample();
            damage(&mut bad);
            let batch = Batch { samples: vec![sample(), bad] };
            let error = batch.validate(5, 4).unwrap_err();
            assert_eq!((error.index, error.problem.as_str()), (1, problem));
        }
    }

    #[test]
    fn the_digest_sees_every_field() {
        let changes: [fn(&mut Sample); 6] = [
            |_| {},
            |s| s.prompt[1] = 9,
            |s| s.response[1] = 9,
            |s| s.sampler_logprobs[1] = -2.500_000_2,
            |s| s.advantage = -0.5,
            |s| s.part = Part::Hinted,
        ];
        let digests = changes.map(|change| {
            let mut sample = sample();
            change(&mut sample);
            Batch { samples: vec![sample] }.digest().0
        });
        assert!(digests.iter().all(|digest| digest.len() == 64));
        let distinct: std::collections::HashSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), changes.len());
    }

    #[test]
    fn numbers_survive_json_bit_for_bit() {
        let mut batch = Batch { samples: vec![sample()] };
        batch.samples[0].sampler_logprobs = vec![-1.234_567_9e-7, f32::MIN_POSITIVE];
        let text = serde_json::to_string(&batch).unwrap();
        let back: Batch = serde_json::from_str(&text).unwrap();
        assert_eq!(back.digest(), batch.digest());
    }
}

//! What the trainer gets.

use retrial_protocol::{Part, Sample};

use crate::{HintKind, Member};

/// A sampled response.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// Its token ids.
    pub tokens: &'a [u32],
    /// Log-probability of each token in nats, in the context it was sampled in.
    pub logprobs: &'a [f32],
}

/// The samples of a refined group: every member, against the un-hinted `prompt`.
///
/// Extra rollouts sampled under a hint belong to the hinted part of the objective; those sampled on
/// the plain prompt are on-policy like any other. A solution belongs to the hinted part too; with
/// log-probabilities of 0 the denominator of its ratios is 1, as in LUFFY.
pub fn samples(
    prompt: &[u32],
    group: &[Member<Response<'_>>],
    advantages: &[f32],
    extra_prompt: HintKind,
) -> Vec<Sample> {
    let part = |member: &Member<Response<'_>>| match member {
        Member::First(_) => Part::OnPolicy,
        Member::Extra { .. } if extra_prompt == HintKind::Plain => Part::OnPolicy,
        Member::Extra { .. } | Member::Solution(_) => Part::Hinted,
    };
    let sample = |(member, &advantage): (&Member<Response<'_>>, &f32)| Sample {
        prompt: prompt.to_vec(),
        response: member.rollout().tokens.to_vec(),
        sampler_logprobs: member.rollout().logprobs.to_vec(),
        advantage,
        part: part(member),
    };
    group.iter().zip(advantages).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hinted_responses_are_trained_against_the_plain_prompt() {
        let first = Response { tokens: &[1, 2], logprobs: &[-0.1, -0.2] };
        let extra = Response { tokens: &[3], logprobs: &[-0.3] };
        let group = [Member::First(first), Member::Extra { rollout: extra, replaced: first }];
        let part_of_extra = |kind| {
            let samples = samples(&[9, 9], &group, &[-1.0, 1.0], kind);
            assert_eq!(samples[0].part, Part::OnPolicy);
            assert_eq!(samples[0].response, [1, 2]);
            assert_eq!(samples[1].prompt, [9, 9]);
            assert_eq!(samples[1].response, [3]);
            assert_eq!(samples[1].sampler_logprobs, [-0.3]);
            samples[1].part
        };
        assert_eq!(part_of_extra(HintKind::Hint), Part::Hinted);
        assert_eq!(part_of_extra(HintKind::Concise), Part::Hinted);
        assert_eq!(part_of_extra(HintKind::Plain), Part::OnPolicy);
    }
}

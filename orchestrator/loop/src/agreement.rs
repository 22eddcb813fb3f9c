//! Compares the log-probabilities that a server reports with the trainer's.
//!
//! Every importance ratio depends on them: they must be those at the run's
//! temperature, of the full distribution, without penalties. They are compared when a run begins, on a few
//! hundred sampled tokens, and again on the rollouts of each step.

use anyhow::{Context, Result};
use retrial_config::Config;
use retrial_lte::Seed;
use retrial_protocol::ScoreRequest;
use retrial_servers::{Differences, PolicyServer, SampleRequest, Sampled};

use crate::trainer::Trainer;

/// Number of compared responses, and limit on the tokens of each.
const RESPONSES: u32 = 16;
const TOKENS: usize = 64;
/// Standard errors by which more tokens match raw log-probabilities than processed ones.
const CLEARLY: f64 = 4.0;

/// A server's log-probabilities differ from the trainer's.
#[derive(Debug, thiserror::Error)]
#[error(
    "the log-probabilities that {url} reports for {} tokens that it sampled at temperature \
     {temperature} are not the trainer's: the mean difference is {:.2e} nats, the median {:.2e} \
     ([server] tolerance is {tolerance})\nhint: {hint}",
    differences.tokens, differences.mean, differences.median
)]
pub struct Disagreement {
    /// The server.
    pub url: String,
    /// The differences.
    pub differences: Differences,
    /// Sampling temperature.
    pub temperature: f64,
    /// Tolerance of the mean difference, nats.
    pub tolerance: f64,
    /// The hint.
    pub hint: &'static str,
}

/// Why the comparison failed.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// The numbers differ.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// One of the two failed to answer.
    #[error("{0:#}")]
    Call(anyhow::Error),
}

/// The log-probabilities of a sampled token, nats.
#[derive(Clone, Copy, Debug)]
pub struct Reported {
    /// The server's.
    pub server: f64,
    /// The trainer's, at the sampling temperature.
    pub scaled: f64,
    /// The trainer's, at temperature 1.
    pub plain: f64,
}

/// Checks a server's numbers; if they are not the trainer's, says what they are.
pub fn judge(
    url: &str,
    tokens: &[Reported],
    temperature: f64,
    tolerance: f64,
) -> Result<Differences, Disagreement> {
    let to = |of: fn(&Reported) -> f64| {
        Differences::of(tokens.iter().map(|token| (token.server, of(token))))
    };
    let (scaled, plain) = (to(|token| token.scaled), to(|token| token.plain));
    let raw = are_raw(tokens);
    if !raw && !scaled.exceed(tolerance) {
        return Ok(scaled);
    }
    let hint = if raw || !plain.exceed(tolerance) {
        "these are log-probabilities before the temperature: start vLLM with \
         --logprobs-mode processed_logprobs, or sample at temperature 1"
    } else if scaled.median <= tolerance {
        "most tokens agree and a few do not, as where a server computes in bf16: start it in the \
         trainer's precision (vLLM: --dtype float32), or set [trainer] precision = \"bf16\" or a \
         larger [server] tolerance"
    } else {
        "look for another model, another precision, or sampling parameters that the server adds of \
         its own (vLLM: --generation-config vllm)"
    };
    let (url, differences) = (url.to_owned(), scaled);
    Err(Disagreement { url, differences, temperature, tolerance, hint })
}

/// Whether the numbers are before the temperature, however small its effect: more tokens are
/// closer to those than chance allows.
fn are_raw(tokens: &[Reported]) -> bool {
    let (mut raw, mut processed) = (0.0_f64, 0.0_f64);
    for Reported { server, scaled, plain } in tokens {
        let (to_scaled, to_plain) = ((server - scaled).abs(), (server - plain).abs());
        if to_plain < to_scaled {
            raw += 1.0;
        } else if to_scaled < to_plain {
            processed += 1.0;
        }
    }
    raw - processed > CLEARLY * (raw + processed).sqrt()
}

/// Samples from a server and lets the trainer score the samples. Both must have the same
/// weights. Returns the mean difference, nats.
pub async fn compare(
    server: &dyn PolicyServer,
    adapter: Option<&str>,
    trainer: &Trainer,
    prompt: &[u32],
    config: &Config,
) -> Result<f64, AgreementError> {
    let tokens =
        score(server, adapter, trainer, prompt, config).await.map_err(AgreementError::Call)?;
    let (temperature, tolerance) = (config.rollout.temperature, config.tolerance());
    Ok(judge(server.url(), &tokens, temperature, tolerance)?.mean)
}

async fn score(
    server: &dyn PolicyServer,
    adapter: Option<&str>,
    trainer: &Trainer,
    prompt: &[u32],
    config: &Config,
) -> Result<Vec<Reported>> {
    let temperature = config.rollout.temperature;
    let max_tokens = TOKENS.min(config.rollout.max_tokens());
    let request = SampleRequest {
        prompt,
        n: RESPONSES,
        seed: Seed(0),
        max_tokens,
        temperature,
        top_p: 1.0,
        stop: &[],
        adapter,
    };
    let sampled = retrial_servers::with_retries(|| server.sample(request))
        .await
        .context("sampling a few tokens to compare log-probabilities")?;
    let sequences: Vec<Vec<u32>> =
        sampled.iter().map(|response| [prompt, &response.tokens].concat()).collect();
    let score = async |temperature| {
        let request = ScoreRequest { sequences: sequences.clone(), temperature, version: None };
        let scored = trainer.score(&request).await.context("scoring what a server sampled")?;
        // The last tokens only: the prompt's come first.
        let of_response = |(all, Sampled { tokens, .. }): (Vec<f32>, &Sampled)| {
            all[all.len() - tokens.len()..].to_vec()
        };
        anyhow::Ok(scored.logprobs.into_iter().zip(&sampled).flat_map(of_response).collect())
    };
    let (scaled, plain): (Vec<f32>, Vec<f32>) = (score(temperature).await?, score(1.0).await?);
    let reported = sampled.iter().flat_map(|response| &response.logprobs);
    let token = |(server, (scaled, plain)): (&f32, (&f32, &f32))| Reported {
        server: f64::from(*server),
        scaled: f64::from(*scaled),
        plain: f64::from(*plain),
    };
    Ok(reported.zip(scaled.iter().zip(&plain)).map(token).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens at temperature 0.7, of which 3 % are 0.3 nats off.
    fn tokens(server: fn(f64, f64) -> f64) -> Vec<Reported> {
        let token = |index: u32| {
            let plain = -2.0 * f64::from(index % 100) / 100.0;
            let scaled = plain / 0.7 + 0.2;
            let noise = if index.is_multiple_of(33) { 0.3 } else { 0.0 };
            Reported { server: server(scaled, plain) + noise, scaled, plain }
        };
        (0..500).map(token).collect()
    }

    #[test]
    fn raw_and_processed_numbers_are_told_apart_by_which_fits() {
        // A tolerance so wide that both would pass.
        let raw = judge("http://a", &tokens(|_, plain| plain), 0.7, 1.0).unwrap_err();
        assert!(raw.to_string().contains("--logprobs-mode processed_logprobs"), "{raw}");
        let processed = judge("http://a", &tokens(|scaled, _| scaled), 0.7, 0.02).unwrap();
        assert!(processed.mean < 0.02, "{processed:?}");
    }

    #[test]
    fn what_disagrees_is_said_with_what_it_may_be() {
        let error = judge("http://a", &tokens(|scaled, _| scaled), 0.7, 1e-4).unwrap_err();
        assert!(error.to_string().contains("--dtype float32"), "{error}");
        let error = judge("http://a", &tokens(|scaled, _| scaled - 0.5), 0.7, 0.02).unwrap_err();
        assert!(error.to_string().contains("another model"), "{error}");
    }
}

//! Whether the log-probabilities that a server reports for what it samples are the trainer's.
//!
//! Every importance ratio rests on it. The probe after a push shows that the weights are the same;
//! this shows that the numbers beside the rollouts mean the same: at the run's temperature, of the
//! full distribution, without penalties.

use anyhow::{Context, Result};
use retrial_config::Config;
use retrial_lte::Seed;
use retrial_protocol::ScoreRequest;
use retrial_servers::{PolicyServer, SampleRequest, Sampled};

use crate::trainer::Trainer;

/// Responses that are compared, and most tokens of each.
const RESPONSES: u32 = 4;
const TOKENS: usize = 16;

/// A server reports other log-probabilities than the trainer computes.
#[derive(Debug, thiserror::Error)]
#[error(
    "{url} reports log-probability {server} for a token that it sampled at temperature \
     {temperature}, the trainer has {trainer} (tolerance {tolerance})\nhint: {hint}"
)]
pub struct Disagreement {
    /// The server.
    pub url: String,
    /// Its number, nats.
    pub server: f64,
    /// The trainer's number, nats.
    pub trainer: f64,
    /// Sampling temperature.
    pub temperature: f64,
    /// Largest difference that passes, nats.
    pub tolerance: f64,
    /// What to look at.
    pub hint: &'static str,
}

/// Why the comparison did not end well.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// The numbers differ.
    #[error(transparent)]
    Disagreement(#[from] Disagreement),
    /// One of the two did not answer as it should.
    #[error("{0:#}")]
    Call(anyhow::Error),
}

/// Samples from a server and has the trainer score what was sampled. Both must hold the same
/// weights. Returns the largest difference, nats.
pub async fn compare(
    server: &dyn PolicyServer,
    adapter: Option<&str>,
    trainer: &Trainer,
    prompt: &[u32],
    config: &Config,
) -> Result<f64, AgreementError> {
    let tokens =
        score(server, adapter, trainer, prompt, config).await.map_err(AgreementError::Call)?;
    let (temperature, tolerance) = (config.rollout.temperature, config.server.tolerance);
    let mut largest = 0.0_f64;
    for Token { reported, scaled, plain } in tokens {
        let difference = (reported - scaled).abs();
        if difference > tolerance {
            let hint = if (reported - plain).abs() <= tolerance {
                "these are log-probabilities before the temperature: start vLLM with \
                 --logprobs-mode processed_logprobs, or sample at temperature 1"
            } else {
                "look for another model, another precision, or sampling parameters that the \
                 server adds of its own (vLLM: --generation-config vllm)"
            };
            let (url, server, trainer) = (server.url().to_owned(), reported, scaled);
            return Err(Disagreement { url, server, trainer, temperature, tolerance, hint }.into());
        }
        largest = largest.max(difference);
    }
    Ok(largest)
}

/// The log-probabilities of a sampled token, nats.
struct Token {
    /// The server's.
    reported: f64,
    /// The trainer's, at the sampling temperature.
    scaled: f64,
    /// The trainer's, at temperature 1.
    plain: f64,
}

async fn score(
    server: &dyn PolicyServer,
    adapter: Option<&str>,
    trainer: &Trainer,
    prompt: &[u32],
    config: &Config,
) -> Result<Vec<Token>> {
    let temperature = config.rollout.temperature;
    let max_tokens = TOKENS.min(config.rollout.max_tokens);
    let request = SampleRequest {
        prompt,
        n: RESPONSES,
        seed: Seed(0),
        max_tokens,
        temperature,
        top_p: 1.0,
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
        // Of the last tokens only: the prompt's come first.
        let of_response = |(all, Sampled { tokens, .. }): (Vec<f32>, &Sampled)| {
            all[all.len() - tokens.len()..].to_vec()
        };
        anyhow::Ok(scored.logprobs.into_iter().zip(&sampled).flat_map(of_response).collect())
    };
    let (scaled, plain): (Vec<f32>, Vec<f32>) = (score(temperature).await?, score(1.0).await?);
    let reported = sampled.iter().flat_map(|response| &response.logprobs);
    Ok(reported
        .zip(scaled.iter().zip(&plain))
        .map(|(reported, (scaled, plain))| Token {
            reported: f64::from(*reported),
            scaled: f64::from(*scaled),
            plain: f64::from(*plain),
        })
        .collect())
}

//! Bodies of `/v1/completions` and `/v1/chat/completions` become [`Job`]s.
//!
//! A field that is missing or null has a neutral value (temperature 1, no truncation, no
//! penalties), not the one of the model's files. A field that would change the answer and is not
//! implemented is an error; fields that vLLM does not know are ignored, as vLLM does.

use std::hash::BuildHasher;

use axum::body::Bytes;
use axum::http::HeaderMap;
use retrial_text::{Message, Text};

use super::body::{self, Body, Logprobs, Stop};
use super::error::ApiError;
use super::sampling::Sampling;
use super::sequence::Job;

/// Limit on `logprobs`, as in vLLM.
const MAX_LOGPROBS: i64 = 20;
/// Limit on `n`, as in vLLM.
const MAX_RESPONSES: i64 = 16384;

/// Limits that requests are checked against.
pub struct Limits {
    /// The model's name.
    pub model: String,
    /// Longest sequence, tokens.
    pub context: usize,
    /// Size of the vocabulary.
    pub vocabulary: usize,
}

/// The requested format of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Include log-probabilities of the sampled tokens.
    pub logprobs: bool,
    /// Include token ids.
    pub token_ids: bool,
    /// Write tokens as `token_id:N`.
    pub tokens_as_ids: bool,
}

/// A valid request: one job a prompt, and the format of the answer.
#[derive(Debug)]
pub struct Request {
    /// At least one.
    pub jobs: Vec<Job>,
    /// How to write the answer.
    pub format: Format,
}

/// Parses and checks the body of `/v1/completions`.
pub fn completion(
    headers: &HeaderMap,
    body: &Bytes,
    text: &Text,
    limits: &Limits,
) -> Result<Request, ApiError> {
    let body = body::parse(headers, body, &limits.model)?;
    let count = match body.logprobs {
        Some(Logprobs::Count(count)) if count < 0 => {
            let message = "`logprobs` must be a positive value.";
            return Err(ApiError::parameter(message, "logprobs", count));
        }
        Some(Logprobs::Count(count)) => Some(count),
        Some(Logprobs::Switch(_)) => {
            return Err(ApiError::malformed(
                Some("body.logprobs"),
                "Input should be a valid integer",
            ));
        }
        None => None,
    };
    let prompts = body::prompts(body.prompt.as_ref(), text)?;
    body.request(prompts, count, limits)
}

/// Parses and checks the body of `/v1/chat/completions`.
pub fn chat(
    headers: &HeaderMap,
    body: &Bytes,
    text: &Text,
    limits: &Limits,
) -> Result<Request, ApiError> {
    let mut body = body::parse(headers, body, &limits.model)?;
    let top = body.top_logprobs.unwrap_or(0);
    if top < 0 {
        let message = "`top_logprobs` must be a positive value.";
        return Err(ApiError::parameter(message, "top_logprobs", top));
    }
    let count = match body.logprobs {
        Some(Logprobs::Switch(true)) => Some(top),
        None | Some(Logprobs::Switch(false)) if top > 0 => {
            return Err(ApiError::bad_request(
                "when using `top_logprobs`, `logprobs` must be set to true.",
            ));
        }
        None | Some(Logprobs::Switch(false)) => None,
        Some(Logprobs::Count(_)) => {
            return Err(ApiError::malformed(
                Some("body.logprobs"),
                "Input should be a valid boolean",
            ));
        }
    };
    let messages = body.messages.take().unwrap_or_default();
    if messages.is_empty() {
        return Err(ApiError::malformed(Some("body.messages"), "List should have at least 1 item"));
    }
    let messages: Vec<Message> = messages.into_iter().map(Message::from).collect();
    let prompt = text
        .render(&messages, true)
        .and_then(|rendered| text.encode(&rendered))
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    body.request(vec![prompt], count, limits)
}

impl Body {
    fn request(
        self,
        prompts: Vec<Vec<u32>>,
        logprobs: Option<i64>,
        limits: &Limits,
    ) -> Result<Request, ApiError> {
        let jobs = prompts.into_iter().map(|prompt| self.job(prompt, logprobs, limits));
        Ok(Request {
            jobs: jobs.collect::<Result<_, _>>()?,
            format: Format {
                logprobs: logprobs.is_some(),
                token_ids: self.return_token_ids == Some(true),
                tokens_as_ids: self.return_tokens_as_token_ids == Some(true),
            },
        })
    }

    fn job(
        &self,
        prompt: Vec<u32>,
        logprobs: Option<i64>,
        limits: &Limits,
    ) -> Result<Job, ApiError> {
        let max_tokens = self.max_tokens(prompt.len(), limits.context)?;
        if let Some(id) = prompt.iter().find(|&&id| id as usize >= limits.vocabulary) {
            return Err(ApiError::bad_request(format!("Token id {id} is out of vocabulary")));
        }
        let sampling = self.sampling()?;
        let stop = match &self.stop {
            None => vec![],
            Some(Stop::One(one)) => vec![one.clone()],
            Some(Stop::Several(several)) => several.clone(),
        };
        if stop.iter().any(String::is_empty) {
            return Err(ApiError::bad_request("stop cannot contain an empty string."));
        }
        Ok(Job {
            n: self.responses(&sampling)?,
            // As in vLLM, -1 means no seed: the response then gets a unique one.
            seed: match self.seed {
                None | Some(-1) => arbitrary(),
                Some(seed) => seed as u64,
            },
            max_tokens,
            sampling,
            top_logprobs: count(logprobs, "sample", "logprobs")?.unwrap_or(0),
            prompt_logprobs: self.prompt_logprobs()?,
            stop,
            stop_tokens: self.stop_token_ids.clone().unwrap_or_default(),
            ignore_end: self.ignore_eos == Some(true),
            prompt: prompt.into(),
        })
    }

    fn max_tokens(&self, prompt: usize, context: usize) -> Result<usize, ApiError> {
        if prompt == 0 {
            return Err(ApiError::bad_request("The decoder prompt cannot be empty"));
        }
        let Some(room) = context.checked_sub(prompt) else {
            let message = format!(
                "This model's maximum context length is {context} tokens. However, your prompt \
                 contains {prompt} input tokens, which exceeds this limit even without any output \
                 tokens. Please reduce the length of the input prompt."
            );
            return Err(ApiError::parameter(&message, "input_tokens", prompt));
        };
        let asked = self.max_completion_tokens.or(self.max_tokens).unwrap_or(room as i64);
        if asked > context as i64 {
            let message = format!(
                "max_tokens={asked} cannot be greater than max_model_len={context}. Please request \
                 fewer output tokens."
            );
            return Err(ApiError::parameter(&message, "max_tokens", asked));
        }
        if asked < 1 || room < 1 {
            let got = asked.min(room as i64);
            let message = format!("max_tokens must be at least 1, got {got}.");
            return Err(ApiError::parameter(&message, "max_tokens", got));
        }
        // vLLM would shorten such a response silently.
        if asked > room as i64 {
            let message = format!(
                "'max_tokens' or 'max_completion_tokens' is too large: {asked}. This model's \
                 maximum context length is {context} tokens and your request has {prompt} input \
                 tokens ({asked} > {context} - {prompt})."
            );
            return Err(ApiError::parameter(&message, "max_tokens", asked));
        }
        Ok(asked as usize)
    }

    fn responses(&self, sampling: &Sampling) -> Result<usize, ApiError> {
        let n = self.n.unwrap_or(1);
        if n < 1 {
            return Err(ApiError::bad_request(format!("n must be at least 1, got {n}.")));
        }
        if n > MAX_RESPONSES {
            let message = format!("n must be at most {MAX_RESPONSES}, got {n}.");
            return Err(ApiError::parameter(&message, "n", n));
        }
        if n > 1 && sampling.is_greedy() {
            let message = format!("n must be 1 when using greedy sampling, got {n}.");
            return Err(ApiError::bad_request(message));
        }
        if let Some(best_of) = self.best_of.filter(|&best_of| best_of != n) {
            let message = "`best_of` is not supported by this server";
            return Err(ApiError::parameter(message, "best_of", best_of));
        }
        if let Some(tokens) = self.min_tokens.filter(|&tokens| tokens != 0) {
            let message = "`min_tokens` is not supported by this server";
            return Err(ApiError::parameter(message, "min_tokens", tokens));
        }
        Ok(n as usize)
    }

    fn sampling(&self) -> Result<Sampling, ApiError> {
        let neutral = Sampling::default();
        let top_k = self.top_k.unwrap_or(0);
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(neutral.temperature),
            top_k: usize::try_from(top_k).ok().filter(|&top_k| top_k > 0),
            top_p: self.top_p.unwrap_or(neutral.top_p),
            min_p: self.min_p.unwrap_or(neutral.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(neutral.repetition_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(neutral.presence_penalty),
            frequency_penalty: self.frequency_penalty.unwrap_or(neutral.frequency_penalty),
        };
        let Sampling { temperature, top_p, min_p, .. } = sampling;
        for (name, penalty) in [
            ("presence_penalty", sampling.presence_penalty),
            ("frequency_penalty", sampling.frequency_penalty),
        ] {
            if !(-2.0..=2.0).contains(&penalty) {
                let message = format!("{name} must be in [-2, 2], got {penalty:?}.");
                return Err(ApiError::bad_request(message));
            }
        }
        let repetition = sampling.repetition_penalty;
        if repetition <= 0.0 {
            return Err(ApiError::bad_request(format!(
                "repetition_penalty must be greater than zero, got {repetition:?}."
            )));
        }
        if temperature < 0.0 {
            let message = format!("temperature must be non-negative, got {temperature:?}.");
            return Err(ApiError::parameter(&message, "temperature", format!("{temperature:?}")));
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            let message = format!("top_p must be in (0, 1], got {top_p:?}.");
            return Err(ApiError::parameter(&message, "top_p", format!("{top_p:?}")));
        }
        if top_k < -1 {
            return Err(ApiError::bad_request(format!(
                "top_k must be 0 (disable), or at least 1, got {top_k}."
            )));
        }
        if !(0.0..=1.0).contains(&min_p) {
            let message = format!("min_p must be in [0, 1], got {min_p:?}.");
            return Err(ApiError::bad_request(message));
        }
        Ok(sampling)
    }

    fn prompt_logprobs(&self) -> Result<Option<usize>, ApiError> {
        if let Some(negative) = self.prompt_logprobs.filter(|&count| count < 0) {
            let message = "`prompt_logprobs` must be a positive value.";
            return Err(ApiError::parameter(message, "prompt_logprobs", negative));
        }
        count(self.prompt_logprobs, "prompt", "prompt_logprobs")
    }
}

fn count(asked: Option<i64>, what: &str, name: &str) -> Result<Option<usize>, ApiError> {
    match asked {
        Some(asked) if asked > MAX_LOGPROBS => {
            let message = format!(
                "Requested {what} logprobs of {asked}, which is greater than max allowed: \
                 {MAX_LOGPROBS}"
            );
            Err(ApiError::parameter(&message, name, asked))
        }
        asked => Ok(asked.map(|asked| asked as usize)),
    }
}

/// A unique number, for what the client did not set.
pub fn arbitrary() -> u64 {
    std::hash::RandomState::new().hash_one(())
}

//! Answers in vLLM's format.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use retrial_text::Text;
use serde::Serialize;

use super::command::Completion;
use super::error::ApiError;
use super::request::{Format, Request};
use super::sampling::{Score, TokenLogprob};
use super::sequence::{Finish, Output, StopCause};
use super::token_texts::TokenTexts;

/// vLLM's value for minus infinity, which JSON does not have.
const DROPPED: f32 = -9999.0;

/// Fields of every answer.
#[derive(Serialize)]
struct Head<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'static str,
    /// Not in vLLM: label of the weights when the last response ended.
    weight_version: String,
    usage: Usage,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names)] // vLLM's names
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
    completion_tokens: usize,
}

/// Fields of every choice about its end.
#[derive(Serialize)]
struct Tail {
    finish_reason: &'static str,
    stop_reason: Option<StopReason>,
    token_ids: Option<Vec<u32>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum StopReason {
    Token(u32),
    Text(String),
}

/// Entries by token id.
type PromptLogprobs = Vec<Option<BTreeMap<u32, PromptLogprob>>>;

#[derive(Serialize)]
struct PromptLogprob {
    logprob: f32,
    rank: usize,
    decoded_token: String,
}

/// The answer of `/v1/completions`.
#[derive(Serialize)]
pub struct CompletionAnswer<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    choices: Vec<CompletionChoice<'a>>,
}

#[derive(Serialize)]
struct CompletionChoice<'a> {
    index: usize,
    text: String,
    logprobs: Option<CompletionLogprobs>,
    #[serde(flatten)]
    tail: Tail,
    prompt_logprobs: Option<PromptLogprobs>,
    prompt_token_ids: Option<&'a [u32]>,
}

#[derive(Default, Serialize)]
struct CompletionLogprobs {
    text_offset: Vec<usize>,
    token_logprobs: Vec<f32>,
    tokens: Vec<String>,
    top_logprobs: Vec<BTreeMap<String, f32>>,
}

/// The answer of `/v1/chat/completions`.
#[derive(Serialize)]
pub struct ChatAnswer<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    choices: Vec<ChatChoice>,
    prompt_logprobs: Option<PromptLogprobs>,
    prompt_token_ids: Option<&'a [u32]>,
}

#[derive(Serialize)]
struct ChatChoice {
    index: usize,
    message: ChatMessage,
    logprobs: Option<ChatLogprobs>,
    #[serde(flatten)]
    tail: Tail,
}

#[derive(Serialize)]
struct ChatMessage {
    role: &'static str,
    content: String,
}

#[derive(Serialize)]
struct ChatLogprobs {
    content: Vec<ChatToken>,
}

#[derive(Serialize)]
struct ChatToken {
    #[serde(flatten)]
    token: ChatTokenLogprob,
    top_logprobs: Vec<ChatTokenLogprob>,
}

#[derive(Serialize)]
struct ChatTokenLogprob {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
}

/// Formats answers for one model.
pub struct Writer {
    /// The model's name.
    pub model: String,
    /// Decodes responses.
    pub text: Arc<Text>,
    /// Texts of single tokens.
    pub tokens: TokenTexts,
}

impl Writer {
    /// The answer of `/v1/completions`: the responses to all prompts in one list.
    pub fn completion<'a>(
        &'a self,
        id: &str,
        request: &'a Request,
        done: Vec<Completion>,
    ) -> Result<CompletionAnswer<'a>, ApiError> {
        let head = self.head(format!("cmpl-{id}"), "text_completion", request, &done)?;
        let format = request.format;
        let mut choices = Vec::new();
        for (job, completion) in request.jobs.iter().zip(done) {
            for output in completion.outputs {
                choices.push(CompletionChoice {
                    index: choices.len(),
                    text: self.text(&output)?,
                    logprobs: format.logprobs.then(|| self.completion_logprobs(&output, format)),
                    tail: tail(output, format),
                    prompt_logprobs: completion.prompt_scores.as_deref().map(|s| self.prompt(s)),
                    prompt_token_ids: format.token_ids.then_some(&*job.prompt),
                });
            }
        }
        Ok(CompletionAnswer { head, choices })
    }

    /// The answer of `/v1/chat/completions`, whose request has one job.
    pub fn chat<'a>(
        &'a self,
        id: &str,
        request: &'a Request,
        done: Vec<Completion>,
    ) -> Result<ChatAnswer<'a>, ApiError> {
        let head = self.head(format!("chatcmpl-{id}"), "chat.completion", request, &done)?;
        let format = request.format;
        let scores = done.first().and_then(|completion| completion.prompt_scores.as_deref());
        let prompt_logprobs = scores.map(|scores| self.prompt(scores));
        let prompt = request.jobs.first().filter(|_| format.token_ids);
        let prompt_token_ids = prompt.map(|job| &*job.prompt);
        let outputs = done.into_iter().flat_map(|completion| completion.outputs);
        let choice = |(index, output): (usize, Output)| {
            Ok(ChatChoice {
                index,
                message: ChatMessage { role: "assistant", content: self.text(&output)? },
                logprobs: format.logprobs.then(|| self.chat_logprobs(&output, format)),
                tail: tail(output, format),
            })
        };
        let choices = outputs.enumerate().map(choice).collect::<Result<_, ApiError>>()?;
        Ok(ChatAnswer { head, choices, prompt_logprobs, prompt_token_ids })
    }

    fn head(
        &self,
        id: String,
        object: &'static str,
        request: &Request,
        done: &[Completion],
    ) -> Result<Head<'_>, ApiError> {
        let version = done.last().map(|last| last.weight_version.to_string()).unwrap_or_default();
        if done.iter().any(is_broken) {
            return Err(ApiError::bad_request(format!(
                "Out of range float values are not JSON compliant: the weights of version \
                 `{version}` give logits that are not numbers"
            )));
        }
        let prompt_tokens = request.jobs.iter().map(|job| job.prompt.len()).sum();
        let outputs = done.iter().flat_map(|completion| &completion.outputs);
        let completion_tokens = outputs.map(|output| output.tokens.len()).sum();
        let total_tokens = prompt_tokens + completion_tokens;
        Ok(Head {
            id,
            object,
            created: now(),
            model: &self.model,
            system_fingerprint: concat!("retrial-", env!("CARGO_PKG_VERSION")),
            weight_version: version,
            usage: Usage { prompt_tokens, total_tokens, completion_tokens },
        })
    }

    /// The text of a response, without the stop string or end token.
    fn text(&self, output: &Output) -> Result<String, ApiError> {
        let tokens = match &output.finish {
            Finish::Stop(StopCause::End | StopCause::Token(_)) => {
                &output.tokens[..output.tokens.len() - 1]
            }
            _ => &output.tokens,
        };
        let mut text =
            self.text.decode(tokens).map_err(|error| ApiError::internal(error.to_string()))?;
        if let Finish::Stop(StopCause::Text(stop)) = &output.finish {
            text.truncate(text.find(stop.as_str()).unwrap_or(text.len()));
        }
        Ok(text)
    }

    fn token(&self, id: u32, format: Format) -> String {
        if format.tokens_as_ids { format!("token_id:{id}") } else { self.tokens.get(id).into() }
    }

    fn completion_logprobs(&self, output: &Output, format: Format) -> CompletionLogprobs {
        let mut logprobs = CompletionLogprobs::default();
        let mut offset = 0;
        for (chosen, top) in positions(output) {
            let mut entries: BTreeMap<String, f32> = top
                .iter()
                .map(|token| (self.token(token.id, format), written(token.logprob)))
                .collect();
            let token = self.token(chosen.id, format);
            entries.insert(token.clone(), written(chosen.logprob));
            logprobs.text_offset.push(offset);
            offset += token.chars().count();
            logprobs.token_logprobs.push(written(chosen.logprob));
            logprobs.tokens.push(token);
            logprobs.top_logprobs.push(entries);
        }
        logprobs
    }

    fn chat_logprobs(&self, output: &Output, format: Format) -> ChatLogprobs {
        let written = |token: &TokenLogprob| ChatTokenLogprob {
            token: self.token(token.id, format),
            logprob: written(token.logprob),
            bytes: self.tokens.get(token.id).as_bytes().to_vec(),
        };
        let content = positions(output).map(|(chosen, top)| ChatToken {
            token: written(&chosen),
            top_logprobs: top.iter().map(written).collect(),
        });
        ChatLogprobs { content: content.collect() }
    }

    /// Nothing for the first token, then the prompt's token and the most probable ones.
    fn prompt(&self, scores: &[Score]) -> PromptLogprobs {
        let entry = |token: &TokenLogprob, rank: usize| {
            let decoded_token = self.tokens.get(token.id).to_owned();
            (token.id, PromptLogprob { logprob: written(token.logprob), rank, decoded_token })
        };
        let entries = |score: &Score| {
            let top = score.top.iter().zip(1..).map(|(token, rank)| entry(token, rank));
            Some(top.chain([entry(&score.token, score.rank)]).collect())
        };
        std::iter::once(None).chain(scores.iter().map(entries)).collect()
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn positions(output: &Output) -> impl Iterator<Item = (TokenLogprob, &[TokenLogprob])> {
    let chosen = output.tokens.iter().zip(&output.logprobs);
    let chosen = chosen.map(|(&id, &logprob)| TokenLogprob { id, logprob });
    chosen.zip(output.top.iter().map(Vec::as_slice))
}

fn tail(output: Output, format: Format) -> Tail {
    let (finish_reason, stop_reason) = match output.finish {
        Finish::Stop(StopCause::End) => ("stop", None),
        Finish::Stop(StopCause::Token(id)) => ("stop", Some(StopReason::Token(id))),
        Finish::Stop(StopCause::Text(text)) => ("stop", Some(StopReason::Text(text))),
        Finish::Length => ("length", None),
        Finish::Abort => ("abort", None),
        Finish::Broken => ("error", None),
    };
    Tail { finish_reason, stop_reason, token_ids: format.token_ids.then_some(output.tokens) }
}

fn is_broken(completion: &Completion) -> bool {
    let scores = completion.prompt_scores.iter().flatten();
    completion.outputs.iter().any(|output| output.finish == Finish::Broken)
        || scores.into_iter().any(|score| !score.token.logprob.is_finite())
}

fn written(logprob: f32) -> f32 {
    logprob.max(DROPPED)
}

//! The JSON of a request, before its values are checked.

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use retrial_text::{Message, Text};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ApiError;

/// Fields that are not implemented, with the only value they may have.
const NOT_IMPLEMENTED: [(&str, Value); 21] = [
    ("add_generation_prompt", Value::Bool(true)),
    ("allowed_token_ids", Value::Null),
    ("bad_words", Value::Null),
    ("chat_template", Value::Null),
    ("chat_template_kwargs", Value::Null),
    ("continue_final_message", Value::Bool(false)),
    ("echo", Value::Bool(false)),
    ("include_stop_str_in_output", Value::Bool(false)),
    ("logit_bias", Value::Null),
    ("prompt_embeds", Value::Null),
    ("response_format", Value::Null),
    ("skip_special_tokens", Value::Bool(true)),
    ("spaces_between_special_tokens", Value::Bool(true)),
    ("stream", Value::Bool(false)),
    ("stream_options", Value::Null),
    ("structured_outputs", Value::Null),
    ("suffix", Value::Null),
    ("tools", Value::Null),
    ("truncate_prompt_tokens", Value::Null),
    ("use_beam_search", Value::Bool(false)),
    ("vllm_xargs", Value::Null),
];

/// Fields of both routes; each route uses its own.
#[derive(Deserialize)]
pub struct Body {
    pub model: Option<String>,
    pub prompt: Option<Value>,
    pub messages: Option<Vec<ChatMessage>>,
    pub n: Option<i64>,
    pub best_of: Option<i64>,
    pub max_tokens: Option<i64>,
    pub max_completion_tokens: Option<i64>,
    pub min_tokens: Option<i64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<i64>,
    pub min_p: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub repetition_penalty: Option<f64>,
    pub seed: Option<i64>,
    pub stop: Option<Stop>,
    pub stop_token_ids: Option<Vec<u32>>,
    pub ignore_eos: Option<bool>,
    pub logprobs: Option<Logprobs>,
    pub top_logprobs: Option<i64>,
    pub prompt_logprobs: Option<i64>,
    pub return_token_ids: Option<bool>,
    pub return_tokens_as_token_ids: Option<bool>,
}

/// A message of a conversation.
#[derive(Deserialize)]
pub struct ChatMessage {
    role: String,
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "Input should be a string or a list of parts of type `text`")]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
}

/// Stop strings.
#[derive(Deserialize)]
#[serde(untagged, expecting = "Input should be a string or a list of strings")]
pub enum Stop {
    One(String),
    Several(Vec<String>),
}

/// An integer for completions, a boolean for chats.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "Input should be an integer (completions) or a boolean (chats)")]
pub enum Logprobs {
    Count(i64),
    Switch(bool),
}

impl From<ChatMessage> for Message {
    fn from(message: ChatMessage) -> Self {
        let content = match message.content {
            None => String::new(),
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => {
                let texts = parts.into_iter().map(|Part::Text { text }| text);
                texts.collect::<Vec<_>>().join("\n")
            }
        };
        Self { role: message.role, content }
    }
}

/// Parses a body for the model called `served`.
pub fn parse(headers: &HeaderMap, body: &Bytes, served: &str) -> Result<Body, ApiError> {
    let fields = object(headers, body)?;
    for (name, neutral) in NOT_IMPLEMENTED {
        if fields.get(name).is_some_and(|value| *value != neutral && !value.is_null()) {
            let message = format!("`{name}` is not supported by this server");
            return Err(ApiError::parameter(&message, name, &fields[name]));
        }
    }
    let body: Body = serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let place = format!("body.{}", error.path());
        ApiError::malformed(Some(&place), &error.inner().to_string())
    })?;
    match &body.model {
        Some(name) if name != served => Err(ApiError::unknown_model(name, served)),
        _ => Ok(body),
    }
}

/// The body, which must be a JSON object with the right content type.
pub fn object(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, ApiError> {
    let content = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = content.split(';').next().unwrap_or("").trim();
    if !media.eq_ignore_ascii_case("application/json") {
        let problem = "Unsupported Media Type: Only 'application/json' is allowed";
        return Err(ApiError::malformed(None, problem));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(ApiError::malformed(Some("body"), "Input should be a valid dictionary")),
        Err(error) => {
            let place = format!("body.{}", error.column());
            Err(ApiError::malformed(Some(&place), &format!("JSON decode error: {error}")))
        }
    }
}

/// The ids of the prompts: one text, one list of ids, or a list of either.
pub fn prompts(prompt: Option<&Value>, text: &Text) -> Result<Vec<Vec<u32>>, ApiError> {
    let encode =
        |value: &str| text.encode(value).map_err(|error| ApiError::bad_request(error.to_string()));
    match prompt {
        None | Some(Value::Null) => Err(ApiError::missing(
            "prompt",
            "Either prompt or prompt_embeds must be provided and non-empty.",
        )),
        Some(Value::String(one)) => Ok(vec![encode(one)?]),
        Some(Value::Array(list)) if list.is_empty() => {
            Err(ApiError::bad_request("You must pass at least one prompt"))
        }
        Some(Value::Array(list)) if list[0].is_number() => Ok(vec![ids(list, "body.prompt")?]),
        Some(Value::Array(list)) => {
            let prompt = |(index, prompt): (usize, &Value)| {
                let place = format!("body.prompt.{index}");
                match prompt {
                    Value::String(one) => encode(one),
                    Value::Array(list) => ids(list, &place),
                    _ => Err(ApiError::malformed(
                        Some(&place),
                        "Input should be a valid string or list of token ids",
                    )),
                }
            };
            list.iter().enumerate().map(prompt).collect()
        }
        Some(_) => Err(ApiError::malformed(
            Some("body.prompt"),
            "Input should be a valid string or list of token ids",
        )),
    }
}

fn ids(list: &[Value], place: &str) -> Result<Vec<u32>, ApiError> {
    let id = |(index, value): (usize, &Value)| {
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        id.ok_or_else(|| {
            let place = format!("{place}.{index}");
            let problem = if value.as_i64().is_some_and(|id| id < 0) {
                "Input should be greater than or equal to 0"
            } else {
                "Input should be a valid token id"
            };
            ApiError::malformed(Some(&place), problem)
        })
    };
    list.iter().enumerate().map(id).collect()
}

//! Bad requests: status, message, kind and field are vLLM's.

use serde_json::{Value, json};

use super::fixture::{Server, ask, prompt};

fn error(message: &str, kind: &str, param: &Value, code: u16) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
}

/// A change to a good request, the message it gets, and the field that the message is about.
type Case = (Value, &'static str, Option<&'static str>);

async fn refuses<const N: usize>(cases: [Case; N]) {
    let server = Server::start().await;
    for (change, message, param) in cases {
        let (status, answer) = server.post("/v1/completions", &ask(&[5, 6], change.clone())).await;
        let expected = error(message, "BadRequestError", &json!(param), 400);
        assert_eq!((status, answer), (400, expected), "{change}");
    }
}

#[tokio::test]
async fn prompts_and_lengths_that_cannot_be_served() {
    refuses([
        (
            json!({ "prompt": prompt(1, 150) }),
            "This model's maximum context length is 100 tokens. However, your prompt contains 150 input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt. (parameter=input_tokens, value=150)",
            Some("input_tokens"),
        ),
        (
            json!({ "prompt": prompt(1, 100) }),
            "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
            Some("max_tokens"),
        ),
        (
            json!({ "max_tokens": 0 }),
            "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
            Some("max_tokens"),
        ),
        (
            json!({ "max_tokens": -1 }),
            "max_tokens must be at least 1, got -1. (parameter=max_tokens, value=-1)",
            Some("max_tokens"),
        ),
        (
            json!({ "max_tokens": 600 }),
            "max_tokens=600 cannot be greater than max_model_len=100. Please request fewer output tokens. (parameter=max_tokens, value=600)",
            Some("max_tokens"),
        ),
        (
            json!({ "prompt": prompt(1, 90), "max_tokens": 11 }),
            "'max_tokens' or 'max_completion_tokens' is too large: 11. This model's maximum context length is 100 tokens and your request has 90 input tokens (11 > 100 - 90). (parameter=max_tokens, value=11)",
            Some("max_tokens"),
        ),
        (json!({ "prompt": [5, 259] }), "Token id 259 is out of vocabulary", None),
        (json!({ "prompt": [] }), "You must pass at least one prompt", None),
        (json!({ "prompt": "" }), "The decoder prompt cannot be empty", None),
        (json!({ "prompt": [[]] }), "The decoder prompt cannot be empty", None),
        (
            json!({ "prompt": null }),
            "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
            Some("prompt"),
        ),
    ]).await;
}

#[tokio::test]
async fn sampling_parameters_that_cannot_be_served() {
    refuses([
        (json!({ "n": 0 }), "n must be at least 1, got 0.", None),
        (
            json!({ "n": 4, "temperature": 0 }),
            "n must be 1 when using greedy sampling, got 4.",
            None,
        ),
        (
            json!({ "n": 20000 }),
            "n must be at most 16384, got 20000. (parameter=n, value=20000)",
            Some("n"),
        ),
        (
            json!({ "logprobs": 21 }),
            "Requested sample logprobs of 21, which is greater than max allowed: 20 (parameter=logprobs, value=21)",
            Some("logprobs"),
        ),
        (
            json!({ "logprobs": -1 }),
            "`logprobs` must be a positive value. (parameter=logprobs, value=-1)",
            Some("logprobs"),
        ),
        (
            json!({ "prompt_logprobs": 21 }),
            "Requested prompt logprobs of 21, which is greater than max allowed: 20 (parameter=prompt_logprobs, value=21)",
            Some("prompt_logprobs"),
        ),
        (
            json!({ "prompt_logprobs": -2 }),
            "`prompt_logprobs` must be a positive value. (parameter=prompt_logprobs, value=-2)",
            Some("prompt_logprobs"),
        ),
        (
            json!({ "temperature": -1 }),
            "temperature must be non-negative, got -1.0. (parameter=temperature, value=-1.0)",
            Some("temperature"),
        ),
        (
            json!({ "top_p": 0 }),
            "top_p must be in (0, 1], got 0.0. (parameter=top_p, value=0.0)",
            Some("top_p"),
        ),
        (json!({ "top_k": -2 }), "top_k must be 0 (disable), or at least 1, got -2.", None),
        (json!({ "min_p": 1.5 }), "min_p must be in [0, 1], got 1.5.", None),
        (json!({ "presence_penalty": 3 }), "presence_penalty must be in [-2, 2], got 3.0.", None),
        (
            json!({ "frequency_penalty": -3 }),
            "frequency_penalty must be in [-2, 2], got -3.0.",
            None,
        ),
        (
            json!({ "repetition_penalty": 0 }),
            "repetition_penalty must be greater than zero, got 0.0.",
            None,
        ),
        (json!({ "stop": [""] }), "stop cannot contain an empty string.", None),
        (
            json!({ "stream": true }),
            "`stream` is not supported by this server (parameter=stream, value=true)",
            Some("stream"),
        ),
        (
            json!({ "echo": true }),
            "`echo` is not supported by this server (parameter=echo, value=true)",
            Some("echo"),
        ),
        (
            json!({ "best_of": 2 }),
            "`best_of` is not supported by this server (parameter=best_of, value=2)",
            Some("best_of"),
        ),
        (
            json!({ "min_tokens": 2 }),
            "`min_tokens` is not supported by this server (parameter=min_tokens, value=2)",
            Some("min_tokens"),
        ),
        (
            json!({ "logit_bias": { "5": 1 } }),
            "`logit_bias` is not supported by this server (parameter=logit_bias, value={\"5\":1})",
            Some("logit_bias"),
        ),
    ]).await;
}

#[tokio::test]
async fn bodies_of_the_wrong_form() {
    let server = Server::start().await;
    let cases: [(Value, &str, &str); 8] = [
        (
            json!({ "max_tokens": "abc" }),
            "body.max_tokens",
            "invalid type: string \"abc\", expected i64",
        ),
        (json!({ "seed": 1.5 }), "body.seed", "invalid type: floating point `1.5`, expected i64"),
        (
            json!({ "prompt": [5, -1] }),
            "body.prompt.1",
            "Input should be greater than or equal to 0",
        ),
        (json!({ "prompt": [[5], [1.5]] }), "body.prompt.1.0", "Input should be a valid token id"),
        (
            json!({ "prompt": ["a", true] }),
            "body.prompt.1",
            "Input should be a valid string or list of token ids",
        ),
        (
            json!({ "prompt": 7 }),
            "body.prompt",
            "Input should be a valid string or list of token ids",
        ),
        (json!({ "stop": 7 }), "body.stop", "Input should be a string or a list of strings"),
        (json!({ "logprobs": true }), "body.logprobs", "Input should be a valid integer"),
    ];
    for (change, place, problem) in cases {
        let (status, answer) = server.post("/v1/completions", &ask(&[5, 6], change.clone())).await;
        let message = format!("1 validation error:\n  {{'loc': '{place}', 'msg': '{problem}'}}");
        let expected = error(&message, "Bad Request", &json!(place), 400);
        assert_eq!((status, answer), (400, expected), "{change}");
    }
    let post = |content: &'static str, body: &'static str| {
        let request = server.request("/v1/completions").header("content-type", content);
        let request = request.body(body);
        async move {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let answer: Value = answer.json().await.unwrap();
            assert_eq!(status, 400);
            answer["error"]["message"].as_str().unwrap().to_owned()
        }
    };
    let message = post("text/plain", "{}").await;
    assert!(message.ends_with("Only 'application/json' is allowed"), "{message}");
    let message = post("application/json", "{\"model\": \"ti").await;
    assert!(message.contains("JSON decode error"), "{message}");
    let message = post("application/json; charset=utf-8", "[]").await;
    assert!(message.contains("valid dictionary"), "{message}");
}

#[tokio::test]
async fn unknown_models_paths_and_verbs() {
    let server = Server::start().await;
    let (status, answer) =
        server.post("/v1/completions", &ask(&[5], json!({ "model": "nope" }))).await;
    let message = "The model `nope` does not exist. Valid aliases: tiny.";
    assert_eq!((status, answer), (404, error(message, "NotFoundError", &json!("model"), 404)));
    let (status, answer) = server.post("/nope", &json!({})).await;
    assert_eq!((status, answer), (404, json!({ "detail": "Not Found" })));
    let answer = server.get("/v1/completions").await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "detail": "Method Not Allowed" }));
}

#[tokio::test]
async fn bad_chats() {
    let server = Server::start().await;
    let hi = json!([{ "role": "user", "content": "hi" }]);
    let cases = [
        (json!({ "messages": [] }), "List should have at least 1 item"),
        (json!({ "messages": [{ "content": "hi" }] }), "missing field `role`"),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url" }] }] }),
            "list of parts of type `text`",
        ),
        (json!({ "messages": hi, "logprobs": 1 }), "valid boolean"),
        (json!({ "messages": hi, "top_logprobs": 1 }), "`logprobs` must be set to true"),
        (
            json!({ "messages": hi, "logprobs": true, "top_logprobs": 30 }),
            "greater than max allowed: 20",
        ),
        (json!({ "messages": hi, "tools": [{}] }), "`tools` is not supported"),
        (json!({ "messages": hi, "max_tokens": 200 }), "cannot be greater than max_model_len=100"),
    ];
    for (body, problem) in cases {
        let (status, answer) = server.post("/v1/chat/completions", &body).await;
        assert_eq!(status, 400, "{body}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(problem), "{body}: {message}");
    }
}

#[tokio::test]
async fn bad_control_calls() {
    let server = Server::start().await;
    let cases = [
        ("/pause?mode=foo", json!({}), 400, "`wait`"),
        ("/collective_rpc", json!({}), 400, "Missing 'method' in request body"),
        (
            "/collective_rpc",
            json!({ "method": "nope" }),
            500,
            "'Worker' object has no attribute 'nope'",
        ),
        (
            "/collective_rpc",
            json!({ "method": "reload_weights", "kwargs": { "weights_path": 1 } }),
            400,
            "valid string",
        ),
        ("/update_weight_version", json!({ "new_version": 2 }), 400, "valid string"),
    ];
    for (path, body, code, problem) in cases {
        let (status, answer) = server.post(path, &body).await;
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(status == code && message.contains(problem), "{path} {body}: {status} {message}");
    }
}

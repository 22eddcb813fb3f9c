//! The format of answers, finish reasons, and what the server says about itself.

use serde_json::{Value, json};

use super::fixture::{Choice, MODEL, Server, Setup, ask, prompt};

#[tokio::test]
async fn an_answer_has_vllms_shape() {
    let server = Server::start().await;
    let body = ask(&[70, 71], json!({ "max_tokens": 3, "n": 2, "logprobs": 1 }));
    let request = server.request("/v1/completions").header("x-request-id", "mine").json(&body);
    let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert!(answer["created"].take().as_u64().unwrap() > 1_700_000_000);
    assert!(answer["system_fingerprint"].take().as_str().unwrap().starts_with("retrial-"));
    let choices = answer["choices"].take();
    assert_eq!(
        answer,
        json!({ "id": "cmpl-mine", "object": "text_completion", "created": null, "model": MODEL,
                "system_fingerprint": null, "weight_version": "default", "choices": null,
                "usage": { "prompt_tokens": 2, "total_tokens": 8, "completion_tokens": 6 } })
    );
    for (index, choice) in choices.as_array().unwrap().iter().enumerate() {
        assert_eq!(choice["index"], index);
        assert_eq!(choice["finish_reason"], "length");
        assert_eq!(choice["stop_reason"], Value::Null);
        assert_eq!(choice["prompt_token_ids"], json!([70, 71]));
        assert_eq!(choice["prompt_logprobs"], Value::Null);
        assert_eq!(choice["token_ids"].as_array().unwrap().len(), 3);
        let logprobs = &choice["logprobs"];
        let offsets: Vec<usize> = serde_json::from_value(logprobs["text_offset"].clone()).unwrap();
        let tokens: Vec<String> = serde_json::from_value(logprobs["tokens"].clone()).unwrap();
        assert_eq!(offsets[2], tokens[0].chars().count() + tokens[1].chars().count());
        for i in 0..3 {
            let own = &logprobs["top_logprobs"][i][&tokens[i]];
            assert_eq!(*own, logprobs["token_logprobs"][i]);
        }
    }
    // Nothing that was not requested.
    let plain = server.complete(json!({ "prompt": "hi", "max_tokens": 2 })).await;
    let choice = &plain["choices"][0];
    assert_eq!(
        [&choice["logprobs"], &choice["token_ids"], &choice["prompt_token_ids"]],
        [&Value::Null; 3]
    );
}

#[tokio::test]
async fn tokens_can_be_named_by_id() {
    let server = Server::start().await;
    let body = ask(&[70], json!({ "max_tokens": 2, "return_tokens_as_token_ids": true }));
    let choice = &server.complete(body).await["choices"][0];
    for i in 0..2 {
        let expected = format!("token_id:{}", choice["token_ids"][i]);
        assert_eq!(choice["logprobs"]["tokens"][i], expected);
    }
}

#[tokio::test]
async fn prompts_come_as_text_or_ids_alone_or_in_lists() {
    let server = Server::start().await;
    // Byte b is token b + 3.
    let ids = json!([107, 108]);
    for prompt in [json!("hi"), ids.clone(), json!(["hi"]), json!([ids])] {
        let answer = server.complete(ask(&[], json!({ "prompt": prompt }))).await;
        assert_eq!(answer["choices"][0]["prompt_token_ids"], json!([107, 108]), "{prompt}");
    }
    let body = ask(&[], json!({ "prompt": ["hi", [5, 6]], "n": 2, "max_tokens": 4 }));
    let answer = server.complete(body).await;
    let prompts: Vec<&Value> =
        answer["choices"].as_array().unwrap().iter().map(|c| &c["prompt_token_ids"]).collect();
    assert_eq!(prompts, [&json!([107, 108]), &json!([107, 108]), &json!([5, 6]), &json!([5, 6])]);
    assert_eq!(answer["choices"][3]["index"], 3);
    assert_eq!(answer["usage"]["prompt_tokens"], 4);
}

#[tokio::test]
async fn without_max_tokens_a_response_fills_the_context() {
    let server = Server::start().await;
    let choice = server.choice(ask(&prompt(1, 30), json!({ "max_tokens": null }))).await;
    assert_eq!((choice.tokens.len(), choice.finish.as_str()), (70, "length"));
    let choice = server.choice(ask(&prompt(1, 99), json!({ "max_tokens": 1 }))).await;
    assert_eq!(choice.tokens.len(), 1);
}

#[tokio::test]
async fn an_end_token_ends_a_response_and_stays_in_its_ids() {
    let server = Server::start().await;
    let prompt = prompt(6, 10);
    let free = server.choice(ask(&prompt, json!({}))).await;
    let end = free.tokens[9];
    let length = free.tokens.iter().position(|&token| token == end).unwrap() + 1;

    let server = Server::with(Setup { end, ..Setup::default() }).await;
    let body = ask(&prompt, json!({ "ignore_eos": false }));
    let answer = server.complete(body).await;
    assert_eq!(answer["choices"][0]["stop_reason"], Value::Null);
    let choice = Choice::from(&answer["choices"][0]);
    assert_eq!(choice.finish, "stop");
    assert_eq!(choice.tokens, free.tokens[..length]);
    assert_eq!(choice.logprobs, free.logprobs[..length]);
    assert_eq!(server.choice(ask(&prompt, json!({}))).await, free);
}

#[tokio::test]
async fn stop_tokens_end_a_response_but_are_no_text() {
    let server = Server::start().await;
    let prompt = prompt(6, 10);
    let free = server.choice(ask(&prompt, json!({}))).await;
    let stop = free.tokens[7];
    let length = free.tokens.iter().position(|&token| token == stop).unwrap() + 1;
    let body = ask(&prompt, json!({ "stop_token_ids": [stop] }));
    let answer = server.complete(body).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["stop_reason"], stop);
    assert_eq!(choice["token_ids"], json!(free.tokens[..length]));
    let kept = ask(&prompt, json!({ "max_tokens": length - 1 }));
    assert_eq!(choice["text"], server.choice(kept).await.text);
}

#[tokio::test]
async fn stop_strings_cut_the_text_and_keep_the_ids() {
    let server = Server::start().await;
    let prompt = prompt(12, 10);
    // Greedy text has many letters that were drawn, and some that are whole.
    let free = server.choice(ask(&prompt, json!({ "max_tokens": 60 }))).await;
    let letters: Vec<(usize, &u32)> =
        free.tokens.iter().enumerate().filter(|(_, t)| (35..129).contains(*t)).collect();
    assert!(letters.len() > 3, "the seed makes no text: {:?}", free.text);
    let (position, &token) = letters[letters.len() / 2];
    let stop = char::from((token - 3) as u8).to_string();
    let length = free.tokens[..=position].iter().position(|&t| t == token).unwrap() + 1;
    for stop_field in [json!(stop), json!(["nowhere", stop])] {
        let body = ask(&prompt, json!({ "stop": stop_field, "max_tokens": 60 }));
        let answer = server.complete(body).await;
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "stop");
        assert_eq!(choice["stop_reason"], stop);
        assert_eq!(choice["token_ids"], json!(free.tokens[..length]));
        let text = choice["text"].as_str().unwrap();
        assert!(!text.contains(&stop) && free.text.starts_with(text), "{text:?} {:?}", free.text);
    }
}

#[tokio::test]
async fn chats_use_the_models_template() {
    let server = Server::start().await;
    let messages = json!([{ "role": "user", "content": [{ "type": "text", "text": "hi" }] }]);
    let (status, answer) = server
        .post(
            "/v1/chat/completions",
            &json!({ "model": MODEL, "messages": messages, "max_completion_tokens": 4, "seed": 3,
                     "logprobs": true, "top_logprobs": 2, "return_token_ids": true,
                     "ignore_eos": true }),
        )
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["object"], "chat.completion");
    let rendered = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n";
    let body = ask(&[], json!({ "prompt": rendered, "max_tokens": 4, "seed": 3, "logprobs": 2 }));
    let same = &server.complete(body).await["choices"][0];
    assert_eq!(answer["prompt_token_ids"], same["prompt_token_ids"]);
    assert_eq!(answer["prompt_token_ids"][0], 1, "special tokens of the template are tokens");
    let choice = &answer["choices"][0];
    assert_eq!(choice["token_ids"], same["token_ids"]);
    assert_eq!(choice["message"], json!({ "role": "assistant", "content": same["text"] }));
    for i in 0..4 {
        let token = &choice["logprobs"]["content"][i];
        assert_eq!(token["logprob"], same["logprobs"]["token_logprobs"][i]);
        assert_eq!(token["top_logprobs"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn the_server_describes_itself() {
    let server = Server::start().await;
    assert_eq!(server.get("/health").await.status(), 200);
    let models = server.get_json("/v1/models").await;
    assert_eq!(models["data"][0]["id"], MODEL);
    assert_eq!(models["data"][0]["max_model_len"], 100);

    server.complete(ask(&prompt(1, 10), json!({ "n": 3, "max_tokens": 5 }))).await;
    assert_eq!(server.metric("num_requests_running").await, 0);
    assert_eq!(server.metric("num_requests_waiting").await, 0);
    assert_eq!(server.metric("prompt_tokens_total").await, 10, "a group's prompt is computed once");
    assert_eq!(server.metric("generation_tokens_total").await, 15);
    let text = server.get("/metrics").await.text().await.unwrap();
    let ended =
        r#"vllm:request_success_total{engine="0",finished_reason="length",model_name="tiny"} 3.0"#;
    assert!(text.contains(ended), "{text}");
}

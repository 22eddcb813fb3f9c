//! A Hugging Face folder without weights: the shape of the model, tokenizer and chat template.

use serde_json::{Value, json};

use crate::{arithmetic::NUMBERS, wording::phrases};

const PADDING: &str = "<|endoftext|>";
const MESSAGE_START: &str = "<|im_start|>";
const MESSAGE_END: &str = "<|im_end|>";

/// Any text is made of bytes, each of which is a token: the first 256 ids.
const BYTES: usize = 256;

const CHAT_TEMPLATE: &str = "{% for message in messages %}\
    {{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\
    {% endfor %}\
    {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// Hidden width of the demo's model.
pub const WIDTH: usize = 96;

/// The files of the folder, by name, for a model of a hidden width: a multiple of 32.
pub fn files(width: usize) -> [(&'static str, Value); 4] {
    let numbers = NUMBERS.map(|number| number.to_string());
    let words: Vec<String> = phrases().into_iter().map(str::to_owned).chain(numbers).collect();
    of_words(&words, width, CONTEXT)
}

/// The files of a folder whose tokenizer has other words.
pub fn of_words(words: &[String], width: usize, context: usize) -> [(&'static str, Value); 4] {
    let special = [PADDING, MESSAGE_START, MESSAGE_END].map(str::to_owned);
    let tokens = [&special, words].concat();
    [
        ("config.json", config(&tokens, width, context)),
        ("generation_config.json", generation_config(&tokens)),
        ("tokenizer.json", tokenizer(&tokens)),
        ("tokenizer_config.json", tokenizer_config(context)),
    ]
}

/// The id of a token; `tokens` are those after the bytes, in the order of their ids.
fn id(tokens: &[String], token: &str) -> usize {
    let position = tokens.iter().position(|other| other == token);
    BYTES + position.expect("only tokens of the list are asked for")
}

fn is_special(token: &str) -> bool {
    [PADDING, MESSAGE_START, MESSAGE_END].contains(&token)
}

fn tokenizer(tokens: &[String]) -> Value {
    let bytes: serde_json::Map<String, Value> =
        (0..BYTES).map(|byte| (format!("<0x{byte:02X}>"), byte.into())).collect();
    let added: Vec<Value> = (BYTES..)
        .zip(tokens)
        .map(|(id, token)| {
            json!({
                "id": id, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": is_special(token),
            })
        })
        .collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": true,
            "ignore_merges": false, "vocab": bytes, "merges": [],
        },
    })
}

fn tokenizer_config(context: usize) -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": false,
        "clean_up_tokenization_spaces": false,
        "model_max_length": context,
        "eos_token": MESSAGE_END,
        "pad_token": PADDING,
        "chat_template": CHAT_TEMPLATE,
    })
}

/// Room for a hint with eight answers and a response of twice the demo's limit.
const CONTEXT: usize = 128;

fn config(tokens: &[String], width: usize, context: usize) -> Value {
    json!({
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": BYTES + tokens.len(),
        "hidden_size": width,
        "intermediate_size": 3 * width,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "max_position_embeddings": context,
        "initializer_range": 0.02,
        "tie_word_embeddings": false,
        "attention_bias": false,
        "attention_dropout": 0.0,
        "use_cache": true,
        "use_sliding_window": false,
        "eos_token_id": id(tokens, MESSAGE_END),
        "pad_token_id": id(tokens, PADDING),
        "torch_dtype": "float32",
    })
}

fn generation_config(tokens: &[String]) -> Value {
    json!({
        "do_sample": true,
        "temperature": 1.0,
        "eos_token_id": id(tokens, MESSAGE_END),
        "pad_token_id": id(tokens, PADDING),
    })
}

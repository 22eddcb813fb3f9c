//! Tokenizers and chat templates.

use retrial_text::{Message, Text};

use crate::folder::with_files;
use crate::input::parts;

/// The smallest tokenizer: the fuzzer's time goes into templates then.
const TOKENIZER: &[u8] = br#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],
    "normalizer":null,"pre_tokenizer":null,"post_processor":null,"decoder":null,
    "model":{"type":"WordLevel","vocab":{"?":0},"unk_token":"?"}}"#;

/// `tokenizer.json`, then a text: its ids can be decoded again.
pub fn tokenizer(input: &[u8]) -> bool {
    let (tokenizer, text) = parts(input);
    let files = [("tokenizer.json", tokenizer), ("tokenizer_config.json", b"{}")];
    let Ok(tokenizer) = with_files(&files, Text::load) else { return false };
    let Ok(ids) = tokenizer.encode(&String::from_utf8_lossy(text)) else { return false };
    tokenizer.decode(&ids).is_ok()
}

/// `tokenizer_config.json`, then a conversation: messages of the user and the assistant in turn, a
/// line each.
pub fn chat_template(input: &[u8]) -> bool {
    let (config, messages) = parts(input);
    let files = [("tokenizer.json", TOKENIZER), ("tokenizer_config.json", config)];
    let Ok(text) = with_files(&files, Text::load) else { return false };
    let messages = String::from_utf8_lossy(messages);
    let roles = ["user", "assistant"].into_iter().cycle();
    let messages: Vec<Message> = messages
        .lines()
        .zip(roles)
        .map(|(line, role)| Message { role: role.into(), content: line.into() })
        .collect();
    let Ok(rendered) = text.render(&messages, true) else { return false };
    text.encode(&rendered).is_ok()
}

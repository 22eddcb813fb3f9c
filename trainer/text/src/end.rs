//! The tokens that end a response.

use serde_json::Value;

/// The tokens that end a response: all that the model's `generation_config.json`, its `config.json`
/// and its tokenizer name. The tokenizer's own comes first if there is one.
///
/// Folders often disagree: the tokenizer's token ends a turn, the configuration's a document. A model
/// that was trained on one of them must not be cut off because another file names the other.
pub fn end_tokens(
    generation: Option<&Value>,
    config: Option<&Value>,
    tokenizer: Option<u32>,
) -> Vec<u32> {
    let mut all: Vec<u32> = tokenizer.into_iter().collect();
    for file in [generation, config].into_iter().flatten() {
        let named = match file.get("eos_token_id") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one) => vec![one],
            None => vec![],
        };
        for id in named.into_iter().filter_map(Value::as_u64) {
            // Some folders write -1 or a number beyond all ids for "none".
            if let Ok(id) = u32::try_from(id)
                && !all.contains(&id)
            {
                all.push(id);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn end_tokens_are_those_of_all_files() {
        let generation = json!({ "eos_token_id": [256, 258] });
        let config = json!({ "eos_token_id": 7 });
        assert_eq!(end_tokens(Some(&generation), Some(&config), Some(258)), [258, 256, 7]);
        assert_eq!(end_tokens(Some(&json!({ "eos_token_id": null })), Some(&config), None), [7]);
        assert_eq!(end_tokens(None, None, Some(3)), [3]);
        assert_eq!(end_tokens(Some(&json!({ "eos_token_id": -1 })), None, None), [0_u32; 0]);
    }
}

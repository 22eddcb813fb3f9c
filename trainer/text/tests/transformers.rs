//! Prompts against those of Hugging Face transformers: `make.py` made `expected.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use retrial_text::{Form, Message, Prompting, Text, TextError};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

#[derive(Deserialize)]
struct Expected {
    now: String,
    cases: Vec<Case>,
}

/// A model folder and what transformers makes of conversations with it.
#[derive(Deserialize)]
struct Case {
    name: String,
    tokenizer_config: Value,
    files: BTreeMap<String, String>,
    renderings: Vec<Rendering>,
}

#[derive(Deserialize)]
struct Rendering {
    messages: Vec<Message>,
    kwargs: BTreeMap<String, Value>,
    generation_prompt: bool,
    text: Option<String>,
    ids: Option<Vec<u32>>,
    error: Option<String>,
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The folder that transformers was given.
fn folder(config: &Value, files: &BTreeMap<String, String>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let base = tests().join("../../../examples/dialects/base");
    for name in ["tokenizer.json", "config.json"] {
        std::fs::copy(base.join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn expected() -> Expected {
    let json = std::fs::read_to_string(tests().join("expected.json")).unwrap();
    serde_json::from_str(&json).unwrap()
}

/// The error of a rendering, if it is wrong.
fn difference(
    found: &Result<(String, Vec<u32>), TextError>,
    expected: &Rendering,
) -> Option<String> {
    match (found, &expected.error) {
        (Ok((text, ids)), None) => {
            if expected.text.as_ref() != Some(text) {
                return Some(format!("\n  {text:?}, expected\n  {:?}", expected.text.as_ref()?));
            }
            (expected.ids.as_ref() != Some(ids))
                .then(|| format!("{ids:?}, expected {:?}", expected.ids))
        }
        (Ok((text, _)), Some(error)) => Some(format!("{text:?}, expected the error {error}")),
        (Err(error), None) => Some(format!("{error}")),
        (Err(TextError::Refused(message)), Some(error)) if message == error => None,
        (Err(TextError::NoTemplate), Some(error)) if error.contains("chat_template is not set") => {
            None
        }
        (Err(TextError::NoDefault { .. }), Some(error)) if error.contains("no default") => None,
        (Err(found), Some(error)) => Some(format!("{found}, expected the error {error}")),
    }
}

#[test]
fn prompts_equal_those_of_transformers() {
    let Expected { now, cases } = expected();
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in &cases {
        let folder = folder(&case.tokenizer_config, &case.files);
        for (index, rendering) in case.renderings.iter().enumerate() {
            let template_kwargs = rendering.kwargs.clone();
            let prompting = Prompting { template_kwargs, ..Prompting::default() };
            let found = Text::load_at(folder.path(), now.parse().unwrap()).and_then(|text| {
                let text = text.with_prompting(prompting);
                let rendered = text.render(&rendering.messages, rendering.generation_prompt)?;
                let ids = if rendering.generation_prompt {
                    text.conversation(&rendering.messages)?
                } else {
                    text.encode(&rendered)?
                };
                Ok((rendered, ids))
            });
            count += 1;
            if let Some(difference) = difference(&found, rendering) {
                wrong.push(format!("{} {index}: {difference}", case.name));
            }
        }
    }
    assert!(count > 200 && wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The text of the case of this name.
fn text(name: &str) -> Text {
    let Expected { now, cases } = expected();
    let case = cases.iter().find(|case| case.name == name).unwrap();
    Text::load_at(folder(&case.tokenizer_config, &case.files).path(), now.parse().unwrap()).unwrap()
}

#[test]
fn a_system_prompt_goes_before_a_conversation_that_has_none() {
    let system = Some("Be brief.".to_owned());
    let text = text("jinja_file").with_prompting(Prompting { system, ..Prompting::default() });
    let expected = |system: &str| {
        format!(
            "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
        )
    };
    let user = Message::user("1+1?");
    assert_eq!(text.render(std::slice::from_ref(&user), true).unwrap(), expected("Be brief."));
    assert_eq!(text.prompt("1+1?").unwrap(), text.encode(&expected("Be brief.")).unwrap());
    let own = [Message::system("Be long."), user];
    assert_eq!(text.render(&own, true).unwrap(), expected("Be long."));
}

#[test]
fn without_a_template_prompts_are_plain_text() {
    let system = Some("Solve it.".to_owned());
    let text = text("none").with_prompting(Prompting {
        system,
        form: Form::Plain,
        ..Prompting::default()
    });
    assert_eq!(text.render(&[Message::user("1+1?")], true).unwrap(), "Solve it.\n\n1+1?");
    assert_eq!(text.prompt("1+1?").unwrap(), text.encode("Solve it.\n\n1+1?").unwrap());
}

/// Base models begin a document with a token that their tokenizer adds, and templates write it
/// themselves.
#[test]
fn plain_text_begins_as_the_tokenizer_begins_a_document() {
    let Expected { cases, .. } = expected();
    let case = cases.iter().find(|case| case.name == "jinja_file").unwrap();
    let folder = folder(&case.tokenizer_config, &case.files);
    let path = folder.path().join("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    tokenizer["post_processor"] = serde_json::json!({
        "type": "TemplateProcessing",
        "single": [{ "SpecialToken": { "id": "<|endoftext|>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
        "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
        "special_tokens": { "<|endoftext|>": { "id": "<|endoftext|>", "ids": [256], "tokens": ["<|endoftext|>"] } },
    });
    std::fs::write(&path, tokenizer.to_string()).unwrap();
    let text = Text::load(folder.path()).unwrap();
    assert_ne!(text.prompt("1+1?").unwrap()[0], 256);
    let text = text.with_prompting(Prompting { form: Form::Plain, ..Prompting::default() });
    let ids = text.prompt("1+1?").unwrap();
    assert_eq!(ids[0], 256);
    assert_eq!(ids[1..], text.encode("1+1?").unwrap());
}

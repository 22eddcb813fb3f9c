//! Texts, token ids and limits.

use dialects::cold_start::{self, Lesson};
use dialects::dialect::DIALECTS;
use dialects::problems::Problems;
use dialects::wording::{Detail, response};
use dialects::{Expression, Reading, folder};
use retrial_lte::{HintKind, Templates};
use retrial_text::{Message, Text};

/// Ids under this are bytes of texts that no phrase covers.
const FIRST_PHRASE: u32 = 256;
/// `rollout.max_tokens` of the demo.
const RESPONSE_LIMIT: usize = 24;
/// `max_position_embeddings` of the model.
const CONTEXT: usize = 128;

fn text() -> Text {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in folder::files(folder::WIDTH) {
        std::fs::write(folder.path().join(name), content.to_string()).unwrap();
    }
    Text::load(folder.path()).unwrap()
}

fn concatenated(text: &Text, ids: &[u32]) -> String {
    ids.iter().map(|&id| text.token(id).unwrap()).collect()
}

/// The ids of a prompt, after checking that they are phrases and make up the whole text.
fn prompt(text: &Text, user: &str) -> Vec<u32> {
    let ids = text.prompt(user).unwrap();
    let expected = format!("<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n");
    assert_eq!(concatenated(text, &ids), expected);
    assert!(ids.iter().all(|&id| id >= FIRST_PHRASE), "{user}");
    ids
}

#[test]
fn texts_are_made_of_phrases() {
    let text = text();
    let templates = Templates::default();
    for (_, problems) in Problems::draw(0).files() {
        for problem in problems {
            prompt(&text, &templates.render(HintKind::Plain, &problem.problem, &[]));
        }
    }
    for example in cold_start::examples(&Lesson::default(), 5000, 0) {
        let ids = text.encode(&example.response).unwrap();
        assert_eq!(text.decode(&ids).unwrap(), example.response);
        assert!(ids.iter().all(|&id| id >= FIRST_PHRASE), "{}", example.response);
        // One more is the end token.
        assert!(prompt(&text, &example.prompt).len() + ids.len() < CONTEXT);
    }
}

#[test]
fn short_responses_fit_the_limit_and_long_ones_are_cut() {
    let text = text();
    for expression in Expression::all() {
        for reading in Reading::ALL {
            let tokens = |detail| {
                let response = response(reading, &expression, 0, detail);
                text.encode(&response).unwrap().len() + 1
            };
            assert!(tokens(Detail::Short) <= RESPONSE_LIMIT);
            assert!(tokens(Detail::Long) > RESPONSE_LIMIT);
        }
    }
}

#[test]
fn a_hint_with_eight_answers_leaves_room_for_a_response() {
    let text = text();
    let answers: Vec<String> = (-30..-22).map(|answer| answer.to_string()).collect();
    let question = dialects::wording::question(&DIALECTS[0], &Expression::all()[0]);
    let user = Templates::default().render(HintKind::ConciseHint, &question, &answers);
    assert!(prompt(&text, &user).len() + RESPONSE_LIMIT <= CONTEXT);
}

#[test]
fn other_texts_fall_back_to_bytes_and_come_back() {
    let text = text();
    let strange = "Ünïcode \\frac{1}{2} = 0.5, 999 ≠ 1000 <|im_end|\n\n";
    assert_eq!(text.decode(&text.encode(strange).unwrap()).unwrap(), strange);
}

#[test]
fn the_end_token_ends_a_message() {
    let text = text();
    let end = text.end_token().unwrap();
    assert_eq!(text.token(end).unwrap(), "<|im_end|>");
    let messages =
        ["user", "assistant"].map(|role| Message { role: role.into(), content: "In Kalm".into() });
    let rendered = text.render(&messages, false).unwrap();
    assert_eq!(
        rendered,
        "<|im_start|>user\nIn Kalm<|im_end|>\n<|im_start|>assistant\nIn Kalm<|im_end|>\n"
    );
    assert_eq!(text.encode(&rendered).unwrap().iter().filter(|&&id| id == end).count(), 2);
}

//! Examples in every layout, and rows that are left out.

use std::fmt::Write as _;
use std::fs::File;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

use super::fixture::{CONTEXT, Place, example, refused, succeeds};

const EXAMPLES: usize = 8;

fn rows(row: impl Fn(String, String) -> Value) -> Vec<Value> {
    (0..EXAMPLES).map(example).map(|(asked, said)| row(asked, said)).collect()
}

fn lines(rows: &[Value]) -> String {
    rows.iter().fold(String::new(), |mut text, row| {
        let _ = writeln!(text, "{row}");
        text
    })
}

fn write_parquet(place: &Place, name: &str) {
    let schema = "message schema { optional binary instruction (STRING);
        optional binary output (STRING); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = File::create(place.path(name)).unwrap();
    let mut file = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let (asked, said): (Vec<String>, Vec<String>) = (0..EXAMPLES).map(example).unzip();
    for texts in [asked, said] {
        let texts: Vec<ByteArray> = texts.iter().map(|text| text.as_str().into()).collect();
        let mut column = group.next_column().unwrap().unwrap();
        let levels = [1; EXAMPLES];
        column.typed::<ByteArrayType>().write_batch(&texts, Some(&levels), None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
}

/// A data set of the hub that was downloaded before.
fn write_cache(place: &Place, text: &str) {
    let commit = "0123456789012345678901234567890123456789";
    let root = place.path("hf/hub/datasets--ann--sums");
    std::fs::create_dir_all(root.join("refs")).unwrap();
    std::fs::write(root.join("refs/main"), commit).unwrap();
    let snapshot = root.join("snapshots").join(commit);
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::write(snapshot.join("train.jsonl"), text).unwrap();
}

#[test]
fn the_same_examples_in_any_layout_train_the_same_model() {
    let place = Place::new(EXAMPLES);
    place.train("expected", &[]);
    let expected = place.weights("expected");
    let user = |text: String| json!({ "role": "user", "content": text });
    let model = |text: String| json!({ "role": "assistant", "content": text });

    let answers = rows(|asked, said| json!({ "question": asked, "answer": said, "id": 7 }));
    place.write("array.json", &Value::Array(answers).to_string());
    let completions = rows(
        |asked, said| json!({ "prompt": [user(asked)], "completion": [model(said)], "source": "x" }),
    );
    place.write("trl.jsonl", &lines(&completions));
    let messages = rows(|asked, said| json!({ "messages": [user(asked), model(said)] }));
    place.write("messages.jsonl", &lines(&messages));
    let own = rows(|asked, said| json!({ "task": { "text": asked }, "worked": said }));
    place.write("own.jsonl", &lines(&own));
    write_parquet(&place, "alpaca.parquet");
    write_cache(&place, &lines(&messages));

    let named = ["--prompt-column", "task.text", "--response-column", "worked"];
    let cases: [(&str, &[&str]); 6] = [
        ("array.json", &[]),
        ("trl.jsonl", &[]),
        ("messages.jsonl", &[]),
        ("own.jsonl", &named),
        ("alpaca.parquet", &[]),
        ("hf://datasets/ann/sums", &[]),
    ];
    for (index, (data, more)) in cases.into_iter().enumerate() {
        let out = format!("out{index}");
        let mut command = place.command(data, &out, more);
        succeeds(command.env("HF_HOME", place.path("hf")).env("HF_HUB_OFFLINE", "1"));
        assert!(place.weights(&out) == expected, "{data}");
    }
}

#[test]
fn only_the_last_message_of_the_assistant_is_learned() {
    let place = Place::new(0);
    let talk = json!({ "messages": [
        { "role": "system", "content": "Add." }, { "role": "user", "content": "1+1" },
        { "role": "assistant", "content": "2" }, { "role": "user", "content": "+1" },
        { "role": "assistant", "content": "333" }, { "role": "user", "content": "thanks" },
    ]});
    place.write("talk.jsonl", &lines(&[talk]));
    let said = succeeds(&mut place.command("talk.jsonl", "out", &[]));
    // Its three bytes and the end token.
    assert!(said.contains(" tokens, 4 of them in responses\n"), "{said}");
}

#[test]
fn rows_that_cannot_be_used_are_left_out_counted_and_named() {
    let place = Place::new(EXAMPLES);
    let good = std::fs::read_to_string(place.path("examples.jsonl")).unwrap();
    let bad = lines(&[
        json!({ "prompt": "1+1", "response": null }),
        json!({ "prompt": "1+1", "response": "x".repeat(CONTEXT) }),
        json!({ "messages": [{ "role": "tool", "content": "1" }] }),
    ]);
    place.write("mixed.jsonl", &format!("{good}{{\"prompt\": \n{bad}"));
    let said = succeeds(&mut place.command("mixed.jsonl", "out", &["--max-left-out", "0.3"]));
    let expected = [
        "examples: 8 examples of 12 rows, ",
        "\n  left out: 1 cannot be read\n    mixed.jsonl:9: ",
        "\n  left out: 2 without a prompt and a response\n    mixed.jsonl:10: `response` is null\n    \
         mixed.jsonl:12: `messages`: a message has the role `tool`\n",
        "\n  left out: 1 too long\n    mixed.jsonl:11: ",
        " tokens, at most 100 are used\n",
    ];
    for part in expected {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The rest is what is trained on.
    place.train("expected", &[]);
    assert!(place.weights("out") == place.weights("expected"));

    let error = refused(&mut place.command("mixed.jsonl", "none", &[]));
    assert!(error.contains("25.0 % of the rows have something wrong with them"), "{error}");
    assert!(error.contains("mixed.jsonl:9") && error.contains("hint:"), "{error}");
    assert!(!place.path("none.partial").exists());
}

#[test]
fn long_examples_are_left_out_by_their_tokens() {
    let place = Place::new(EXAMPLES);
    let most = ["--max-tokens", "39"];
    let said = place.train("out", &most);
    assert!(said.contains("examples of 8 rows") && said.contains(" too long\n"), "{said}");
    let said = refused(&mut place.command("examples.jsonl", "none", &["--max-tokens", "3"]));
    assert!(said.contains("no example can be used") && said.contains("8 too long"), "{said}");
}

#[test]
fn what_cannot_be_trained_on_is_refused_with_a_hint() {
    let place = Place::new(EXAMPLES);
    place.write("other.jsonl", &lines(&[json!({ "text": "1+1=2" })]));
    let error = refused(&mut place.command("other.jsonl", "out", &[]));
    assert!(error.contains("no columns of prompt and response are known among text"), "{error}");
    assert!(error.contains("hint: docs/sft.md lists the layouts"), "{error}");
    let error = refused(&mut place.command("nothing.jsonl", "out", &[]));
    assert!(error.contains("the source `nothing.jsonl`: there is no such file"), "{error}");

    let path = place.path("base/tokenizer_config.json");
    std::fs::write(path, json!({ "eos_token": "<|im_end|>" }).to_string()).unwrap();
    let error = refused(&mut place.command("examples.jsonl", "out", &[]));
    assert!(error.contains("has no chat template\nhint: --plain"), "{error}");
    let said = place.train("plain", &["--plain"]);
    assert!(said.contains("8 examples of 8 rows"), "{said}");
}

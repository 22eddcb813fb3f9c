//! The program: how it starts, what it prints, how it ends.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::fixture::{Setup, write_model};

fn policy(model: &Path, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retrial-policy"));
    command.arg("--model").arg(model).args(["--port", &port.to_string()]);
    command
}

fn fails(command: &mut Command) -> String {
    let Output { status, stderr, stdout } = command.output().unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(stdout.is_empty());
    String::from_utf8(stderr).unwrap()
}

#[test]
fn it_says_where_it_listens_and_ends_with_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), Setup::default(), 1);
    let mut child = policy(folder.path(), 0)
        .args(["--exit-with-stdin", "--served-model-name", "policy", "--max-num-seqs", "4"])
        .args(["--logprobs-mode", "processed_logprobs", "--max-model-len", "64"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = ready["listening"].as_str().unwrap();
    let models = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let answer =
            retrial_servers::plain_client().get(format!("{url}/v1/models")).send().await.unwrap();
        answer.json::<Value>().await.unwrap()
    });
    assert_eq!(models["data"][0]["id"], "policy");
    assert_eq!(models["data"][0]["max_model_len"], 64);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), Setup::default(), 1);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = fails(&mut policy(folder.path(), port));
    assert!(error.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{error}");
    assert!(error.contains("hint:"), "{error}");
}

#[test]
fn what_is_wrong_with_a_model_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = fails(&mut policy(folder.path(), 0));
    assert!(error.contains("config.json"), "{error}");

    write_model(folder.path(), Setup::default(), 1);
    let error = fails(policy(folder.path(), 0).args(["--max-model-len", "101"]));
    assert!(error.contains("--max-model-len is 101, the model's context is 100 tokens"), "{error}");

    let model = retrial_trainer::model::Decoder::load(folder.path(), tch::Device::Cpu).unwrap();
    let file = folder.path().join("model.safetensors");
    retrial_trainer::model::write_tensors(&file, &model.parameters()[1..], tch::Kind::Float)
        .unwrap();
    let error = fails(&mut policy(folder.path(), 0));
    assert!(
        error.contains("model.safetensors lacks a tensor: model.embed_tokens.weight"),
        "{error}"
    );

    std::fs::remove_file(&file).unwrap();
    let error = fails(&mut policy(folder.path(), 0));
    assert!(error.contains("cannot read") && error.contains("model.safetensors"), "{error}");
}

#[test]
fn a_cache_that_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), Setup { context: 1 << 20, ..Setup::default() }, 1);
    let error = fails(policy(folder.path(), 0).args(["--kv-cache-memory-bytes", "1000000"]));
    assert!(error.contains("the cache for a sequence of 1048576 tokens takes"), "{error}");
    assert!(error.contains("hint: lower the longest prompt and response"), "{error}");
}

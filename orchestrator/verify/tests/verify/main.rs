//! Verifiers with real processes and sockets.

mod code;
mod command;
mod http;
mod sandbox;
mod schemes;

use std::collections::BTreeMap;
use std::sync::Arc;

use retrial_domain::{
    FinishReason, Judgement, Problem, ProblemId, Question, RewardConfig, Submission,
};
use retrial_verify::Verifiers;
use retrial_verify::sandbox::Launcher;
use serde_json::{Value, json};

/// The settings of these keys of `[reward]`.
fn config(keys: Value) -> RewardConfig {
    serde_json::from_value(keys).unwrap()
}

/// Verifiers with these keys of `[reward]`.
async fn open(keys: Value) -> Verifiers {
    Verifiers::open(&config(keys), &launcher()).await.unwrap()
}

fn launcher() -> Launcher {
    Launcher::helper(env!("CARGO_BIN_EXE_retrial-sandbox"))
}

/// The response number `index` to a problem with this gold answer.
fn submission(index: usize, gold: &str, response: &str) -> Submission {
    let problem = Problem {
        id: ProblemId("p".into()),
        text: "What is it?".into(),
        answer: gold.into(),
        tags: BTreeMap::from([("source".to_owned(), "tests".to_owned())]),
    };
    Submission {
        id: format!("run/1/p/first/{index}"),
        question: Arc::new(Question { problem, solution: None }),
        response: response.into(),
        finish: FinishReason::Stop,
    }
}

/// What is said of one response.
async fn judge(verifiers: &Verifiers, gold: &str, response: &str) -> Judgement {
    verifiers.judge(vec![submission(0, gold, response)]).await.unwrap().remove(0)
}

fn reward(judgement: &Judgement) -> Option<f64> {
    judgement.reward.map(retrial_domain::Reward::get)
}

/// The reason that a judgement has.
fn reason(judgement: &Judgement) -> &str {
    judgement.reason.as_deref().unwrap_or_default()
}

/// `[reward]` of a Python program that gets `lines` in place of its loop over submissions.
fn program(lines: &str, more: &Value) -> Value {
    let code = format!("import json, os, signal, sys, time\n{lines}");
    let mut keys =
        json!({"kind": "command", "command": ["python3", "-c", code], "extraction": "answer_tag"});
    keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    keys
}

/// A loop of a program: passes what equals the gold answer, after `before` was done with each.
fn equal(before: &str) -> String {
    format!(
        "def say(id, **more):\n    print(json.dumps(dict(id=id, **more)), flush=True)\n\
         for line in sys.stdin:\n    s = json.loads(line)\n{before}\n    \
         say(s['id'], reward=float(s['answer'] == s['gold']), reason='compared')\n"
    )
}

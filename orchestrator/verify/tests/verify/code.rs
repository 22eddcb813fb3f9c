use std::time::{Duration, Instant};

use retrial_grader::Verdict;
use retrial_verify::Verifiers;
use serde_json::json;

use super::{config, judge, launcher, open, reason, reward};

const DOUBLE: &str =
    r#"{"pairs": [{"stdin": "2\n", "stdout": "4\n"}, {"stdin": "5\n", "stdout": "10\n"}]}"#;
const ASSERTIONS: &str =
    r#"{"assertions": ["assert f(2) == 4", "assert f(3) == 6", "assert f(4) == 9"]}"#;

fn block(code: &str) -> String {
    format!("Here it is:\n```python\n{code}\n```\n")
}

#[tokio::test]
async fn outputs_and_assertions_decide() {
    let verifiers = open(json!({"kind": "code"})).await;
    for (gold, response, verdict, expected) in [
        (DOUBLE, block("print(int(input()) * 2)"), Verdict::Correct, ""),
        (DOUBLE, block("print(int(input()) + 2)"), Verdict::Wrong, "test 2: wrong output"),
        (DOUBLE, block("print(no)"), Verdict::Wrong, "test 1: NameError: name 'no' is not defined"),
        (DOUBLE, block("print("), Verdict::Wrong, "SyntaxError"),
        (DOUBLE, "It is 4.".into(), Verdict::NoAnswer, "no code block"),
        (ASSERTIONS, block("def f(x): return 2 * x"), Verdict::Wrong, "test 3: AssertionError"),
        (ASSERTIONS, block("def f(x): return 9 if x == 4 else 2 * x"), Verdict::Correct, ""),
        // Leaving before the tests passes none of them.
        (ASSERTIONS, block("import os; os._exit(0)"), Verdict::Wrong, "exited before the tests"),
        (
            ASSERTIONS,
            block("print('ok\\n' * 9); raise SystemExit"),
            Verdict::Wrong,
            "exited before the tests",
        ),
    ] {
        let judgement = judge(&verifiers, gold, &response).await;
        assert_eq!(judgement.verdict, verdict, "{response}: {judgement:?}");
        assert!(reason(&judgement).contains(expected), "{response}: {judgement:?}");
    }
    let judgement = judge(&verifiers, "42", &block("print(1)")).await;
    assert_eq!((judgement.verdict, reward(&judgement)), (Verdict::Timeout, None));
    assert!(reason(&judgement).contains("the tests are none of"), "{judgement:?}");
}

/// Sends a signal to a program of this test as soon as there is one, and says which it was.
fn signal_one(marker: &str, signal: rustix::process::Signal) -> i32 {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            // The helper has become Python, and has opened the program.
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if !String::from_utf8_lossy(&command).ends_with("solution.py\0") {
                continue;
            }
            let scratch = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let code = std::fs::read_to_string(scratch.join("solution.py")).unwrap_or_default();
            if code.contains(marker) && scratch.join("begun").exists() {
                let process = rustix::process::Pid::from_raw(id).unwrap();
                rustix::process::kill_process(process, signal).unwrap();
                return id;
            }
        }
        assert!(Instant::now() < deadline, "no program of the marker {marker}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_others_kill_or_stop_is_run_again() {
    let verifiers = open(json!({"kind": "code", "timeout_seconds": 3})).await;
    for (marker, signal) in
        [("MARK-KILL", rustix::process::Signal::KILL), ("MARK-STOP", rustix::process::Signal::STOP)]
    {
        // It leaves time for the signal, which only its first run gets.
        let code = format!(
            "# {marker}\nimport time\nopen('begun', 'w').close()\ntime.sleep(1)\nprint(int(input()) * 2)"
        );
        let one = r#"{"pairs": [{"stdin": "2\n", "stdout": "4\n"}]}"#;
        let signalled = tokio::task::spawn_blocking(move || signal_one(marker, signal));
        let judgement = judge(&verifiers, one, &block(&code)).await;
        signalled.await.unwrap();
        assert_eq!(
            (judgement.verdict, reward(&judgement)),
            (Verdict::Correct, Some(1.0)),
            "{marker}"
        );
    }
}

#[tokio::test]
async fn a_share_of_the_tests_may_count() {
    let verifiers = open(json!({"kind": "code", "partial": true, "pass_at": 0.5})).await;
    let judgement = judge(&verifiers, ASSERTIONS, &block("def f(x): return 2 * x")).await;
    assert_eq!((judgement.verdict, reward(&judgement)), (Verdict::Correct, Some(2.0 / 3.0)));
}

#[tokio::test]
async fn what_does_not_work_is_said_before_the_run() {
    let cases = [
        (json!({"kind": "code", "python": "no-such-python"}), "[reward] python `no-such-python`"),
        (json!({"kind": "code", "memory_mb": 1}), "the sandbox does not work"),
    ];
    for (keys, expected) in cases {
        let error = Verifiers::open(&config(keys), &launcher()).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

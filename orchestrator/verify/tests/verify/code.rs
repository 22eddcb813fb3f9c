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
        (DOUBLE, block("print(int(input()) + 2)"), Verdict::Wrong, "test 2: another output"),
        (DOUBLE, block("print(no)"), Verdict::Wrong, "test 1: NameError: name 'no' is not defined"),
        (DOUBLE, block("print("), Verdict::Wrong, "SyntaxError"),
        (DOUBLE, "It is 4.".into(), Verdict::NoAnswer, "no block of code"),
        (ASSERTIONS, block("def f(x): return 2 * x"), Verdict::Wrong, "test 3: AssertionError"),
        (ASSERTIONS, block("def f(x): return 9 if x == 4 else 2 * x"), Verdict::Correct, ""),
        // Leaving before the tests passes none of them.
        (ASSERTIONS, block("import os; os._exit(0)"), Verdict::Wrong, "ended before its tests"),
        (
            ASSERTIONS,
            block("print('ok\\n' * 9); raise SystemExit"),
            Verdict::Wrong,
            "ended before its tests",
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

//! Several verifiers, choices by tag, what was cut.

use std::sync::Arc;

use retrial_domain::{FinishReason, Submission};
use retrial_grader::Verdict;
use serde_json::json;

use super::{judge, open, reason, reward, submission};

#[tokio::test]
async fn weighted_parts_are_kept_by_name() {
    let verifiers = open(json!({
        "extraction": "answer_tag",
        "pass_at": 0.9,
        "parts": {
            "correct": {"kind": "math"},
            "format": {"kind": "regex", "pattern": "^<think>", "weight": 0.25},
        },
    }))
    .await;
    for (response, verdict, expected) in [
        ("<think>a</think><answer>1/2</answer>", Verdict::Correct, [1.0, 1.0]),
        ("<answer>0.5</answer>", Verdict::Wrong, [1.0, 0.0]),
        ("<think></think><answer>3</answer>", Verdict::Wrong, [0.0, 1.0]),
        ("<think></think>", Verdict::NoAnswer, [0.0, 1.0]),
    ] {
        let judgement = judge(&verifiers, r"\frac{1}{2}", response).await;
        assert_eq!(judgement.verdict, verdict, "{judgement:?}");
        assert_eq!(reward(&judgement), Some((expected[0] + expected[1] * 0.25) / 1.25));
        let parts: Vec<_> =
            judgement.parts.iter().map(|part| (part.name.as_str(), part.reward.get())).collect();
        assert_eq!(parts, [("correct", expected[0]), ("format", expected[1])]);
    }
}

#[tokio::test]
async fn a_tag_chooses_the_verifier() {
    let verifiers = open(json!({
        "by": "source",
        "for": {"numbers": {"kind": "number", "tolerance": 0.1}, "words": {"kind": "exact"}},
    }))
    .await;
    let of = |source: &str, gold: &str, response: &str| {
        let mut submission: Submission = submission(0, gold, response);
        let question = Arc::make_mut(&mut submission.question);
        question.problem.tags.insert("source".into(), source.into());
        submission
    };
    let judgements = verifiers
        .judge(vec![
            of("words", "Yes", r"\boxed{yes}"),
            of("numbers", "10", r"\boxed{10.5}"),
            of("music", "a", r"\boxed{a}"),
            of("words", "10", r"\boxed{10.5}"),
        ])
        .await
        .unwrap();
    let verdicts: Vec<_> = judgements.iter().map(|judgement| judgement.verdict).collect();
    assert_eq!(verdicts, [Verdict::Correct, Verdict::Correct, Verdict::Timeout, Verdict::Wrong]);
    assert!(reason(&judgements[2]).contains("its source is `music`"), "{:?}", judgements[2]);
}

#[tokio::test]
async fn what_is_cut_is_graded_unless_it_is_to_fail() {
    for (truncated, verdict) in [("graded", Verdict::Correct), ("fail", Verdict::NoAnswer)] {
        let verifiers = open(json!({"truncated": truncated})).await;
        let mut cut = submission(0, "4", r"It is \boxed{4}, and then");
        cut.finish = FinishReason::Length;
        let judgement = verifiers.judge(vec![cut]).await.unwrap().remove(0);
        assert_eq!(judgement.verdict, verdict);
    }
}

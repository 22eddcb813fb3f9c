//! Hints that list wrong answers of other problems, the control of `[hint] answers`.

use retrial_tests::{Project, shown};

const SHUFFLED: [&str; 2] = ["--set", "hint.answers=shuffled"];

#[tokio::test]
async fn a_shuffled_hint_lists_answers_of_other_problems() {
    let project = Project::new();
    let larger = ["--set", "rollout.problems=32", "--set", "run.steps=1"];
    let output = project.train(&[&SHUFFLED[..], &larger].concat());
    assert!(output.status.success(), "{}", shown(&output));
    let log = project.log().await;
    let count = async |sql: &str| -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::query_scalar(sql).fetch_one(&log).await.unwrap()
    };
    let listed = "FROM hints AS h, json_each(h.answers) AS listed";
    assert!(count(&format!("SELECT count(*) {listed}")).await > 0);
    let first = |of: &str| {
        format!(
            "EXISTS (SELECT 1 FROM rollouts AS r WHERE r.run = h.run AND r.step = h.step \
             AND r.trial = 'first' AND r.answer = listed.value AND {of})"
        )
    };
    let own = format!("SELECT count(*) {listed} WHERE {}", first("r.problem = h.problem"));
    assert_eq!(count(&own).await, 0, "an answer of the problem itself is listed");
    let others = format!("SELECT count(*) {listed} WHERE NOT {}", first("r.verdict = 'wrong'"));
    assert_eq!(count(&others).await, 0, "an answer is listed that is nobody's mistake");
    let right = format!(
        "SELECT count(*) {listed} JOIN problems AS p ON p.run = h.run AND p.id = h.problem \
         WHERE p.answer = listed.value"
    );
    assert_eq!(count(&right).await, 0, "the right answer is called wrong");
}

#[tokio::test]
async fn a_run_with_shuffled_hints_resumes_bit_for_bit() {
    let unbroken = Project::new();
    let output = unbroken.train(&SHUFFLED);
    assert!(output.status.success(), "{}", shown(&output));
    let expected = unbroken.ended(2).await;
    for point in ["half-first-trial@2", "hints@2"] {
        let project = Project::new();
        let crashed = project.train(&[&SHUFFLED[..], &["--crash-at", point]].concat());
        assert!(!crashed.status.success(), "{point} did not end the run: {}", shown(&crashed));
        let resumed = project.train(&[&SHUFFLED[..], &["--resume"]].concat());
        assert!(resumed.status.success(), "after {point}: {}", shown(&resumed));
        project.ended(2).await.assert_is(&expected, point);
    }
}

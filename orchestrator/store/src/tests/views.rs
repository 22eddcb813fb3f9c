//! The documented views, and the queries of docs/schema.md.

use retrial_protocol::MetricSource;

use super::*;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");

#[tokio::test]
async fn views_show_what_happened() {
    let log = Log::new().await;
    log.first_trial().await;
    log.second_trial().await;
    let views: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'view' AND name <> 'log_size' ORDER BY name",
    )
    .fetch_all(&log.store.readers)
    .await
    .unwrap();
    let mut lines = Vec::new();
    for view in views {
        lines.push(format!("\n{view}"));
        lines.extend(log.rows(&format!("SELECT * FROM {view}")).await);
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn a_time_out_is_no_mistake() {
    let log = Log::new().await;
    log.log("a", Trial::First, &[graded(0, Verdict::Timeout, None)]).await;
    for view in ["mistakes", "failures", "unsolved_problems"] {
        assert_eq!(log.rows(&format!("SELECT * FROM {view}")).await, [""; 0], "{view}");
    }
}

#[tokio::test]
async fn every_documented_query_runs() {
    let log = Log::new().await;
    log.first_trial().await;
    log.second_trial().await;
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let queries: Vec<&str> =
        text.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(queries.len() >= 15, "{} queries", queries.len());
    for query in queries {
        log.rows(query).await;
    }
}

#[tokio::test]
async fn step_summary_shows_metrics_that_there_are() {
    let log = Log::new().await;
    let query = "SELECT sql FROM sqlite_schema WHERE name = 'step_summary'";
    let view: String = sqlx::query_scalar(query).fetch_one(&log.store.readers).await.unwrap();
    // `metric.name = 'a'` or `metric.name IN ('a', 'b')`.
    let conditions: Vec<&str> = view
        .split("metric.name ")
        .skip(1)
        .filter(|condition| !condition.starts_with("LIKE"))
        .filter_map(|condition| condition.split(')').next())
        .collect();
    let names: Vec<&str> =
        conditions.iter().flat_map(|condition| condition.split('\'').skip(1).step_by(2)).collect();
    assert!(names.len() >= 17, "{names:?}");
    for name in names {
        assert!(Metric::by_name(name).is_some(), "the registry has no metric `{name}`");
    }
    // Its `seconds` are all that end so.
    for &metric in Metric::ALL {
        let clock = metric.source() == MetricSource::Clock;
        assert_eq!(metric.name().ends_with("_seconds"), clock, "{metric:?}");
    }
}

/// Tables that `SQLite` and sqlx keep for themselves, those inside a full-text index among them.
const FOREIGN: &str = r"name LIKE 'sqlite_%' OR name LIKE '\_sqlx%' ESCAPE '\'
                       OR name LIKE '%\_fts\__%' ESCAPE '\'";

#[tokio::test]
async fn every_table_view_and_column_is_documented() {
    let log = Log::new().await;
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let query = format!(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND NOT ({FOREIGN})"
    );
    let names: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&log.store.readers).await.unwrap();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        // Its section goes up to the next heading.
        let heading = format!("\n### `{name}`");
        let section = text.split(&heading).nth(1).unwrap_or_else(|| {
            panic!("docs/schema.md has no section for {name}");
        });
        let section = section.split("\n#").next().unwrap();
        let documented: Vec<&str> = section
            .lines()
            .filter(|line| line.starts_with("| `"))
            .filter_map(|line| line.split('|').nth(1))
            .flat_map(|cell| cell.split(','))
            .map(|column| column.trim().trim_matches('`'))
            .collect();
        let query = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden <> 1";
        let columns: Vec<String> =
            sqlx::query_scalar(query).bind(&name).fetch_all(&log.store.readers).await.unwrap();
        assert_eq!(documented, columns, "the columns of {name} in docs/schema.md");
    }
}

#[tokio::test]
async fn what_a_verifier_says_is_shown() {
    let log = Log::new().await;
    let mut half = graded(0, Verdict::Wrong, Some("3"));
    let part =
        |name: &str, value: f64| Part { name: name.into(), reward: Reward::new(value).unwrap() };
    half.judgement.parts = vec![part("correct", 0.0), part("format", 1.0)];
    half.judgement.reward = Some(Reward::new(0.25).unwrap());
    half.judgement.reason = Some("2 of 8 tests pass".into());
    log.log("a", Trial::First, &[half]).await;
    let shown = log.rows("SELECT wrong_answer, reward, rewards, reason FROM failures").await;
    let rewards = r#"{"correct":0.0,"format":1.0}"#;
    let expected =
        format!("wrong_answer=3 | reward=0.25 | rewards={rewards} | reason=2 of 8 tests pass");
    assert_eq!(shown, [expected]);
}

#[tokio::test]
async fn each_source_has_its_history() {
    let log = Log::new().await;
    let tagged =
        "UPDATE problems SET tags = json_object('data_source', iif(id = 'c', 'code', 'sums'))";
    sqlx::query(tagged).execute(&log.store.writer).await.unwrap();
    log.first_trial().await;
    log.second_trial().await;
    let history = "SELECT source, step, correct, tries, reward FROM source_history";
    let expected = [
        "source=code | step=1 | correct=0 | tries=1 | reward=0.0",
        // Of six rollouts of a and b the verifier gave up on two.
        "source=sums | step=1 | correct=1 | tries=5 | reward=0.2",
    ];
    assert_eq!(log.rows(history).await, expected);
}

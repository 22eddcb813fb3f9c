//! What people read: the views, and the queries of docs/schema.md.

use super::*;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema.md");

#[tokio::test]
async fn views_show_what_happened() {
    let log = Log::new().await;
    log.first_trial().await;
    log.second_trial().await;
    let views =
        ["mistakes", "failures", "unsolved_problems", "rescues", "step_summary", "problem_history"];
    let mut lines = Vec::new();
    for view in views {
        lines.push(view.to_owned());
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
    assert!(queries.len() >= 10, "{} queries", queries.len());
    for query in queries {
        log.rows(query).await;
    }
}

#[tokio::test]
async fn every_table_and_view_is_documented() {
    let log = Log::new().await;
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
         AND name NOT IN ('_sqlx_migrations', 'sqlite_sequence')",
    )
    .fetch_all(&log.store.readers)
    .await
    .unwrap();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(text.contains(&format!("| `{name}` |")), "docs/schema.md has no row for {name}");
    }
}

//! Pages: all of them answer, are small, name their twins, and show text as text.

use retrial_config::DashboardConfig;
use retrial_protocol::{Metric, Step};
use retrial_store::{Reader, Store};

use super::fixture::{Client, HIDDEN, Log, NAME, SCRIPT, long};
use crate::link;

/// A page may be this large.
const BYTES: usize = 150_000;

fn problem(step: Option<u64>) -> String {
    link::problem("one", NAME, step)
}

#[tokio::test]
async fn every_page_answers_and_has_its_twin() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let home = asked.get("/").await;
    assert_eq!(home.headers()["location"], "/runs/two", "the latest run");
    let pages = [
        "/runs".to_owned(),
        "/runs/one".into(),
        "/runs/two".into(),
        "/runs/one?scale=log&smooth=3&x=tokens".into(),
        "/runs/one/panels/reward".into(),
        "/runs/one/panels/outcomes?x=time&scale=full".into(),
        "/runs/one/steps".into(),
        "/runs/one/steps/2".into(),
        "/runs/one/problems".into(),
        "/runs/one/problems?status=rescued&contains=1+%2B".into(),
        problem(None),
        problem(Some(1)),
        "/runs/two/problem?id=b".into(),
        "/mistakes".into(),
        "/mistakes?run=one&kind=wrong&times=1&from=1&to=3&unsolved=0".into(),
        "/compare?run=one&run=two".into(),
        "/compare?run=one&run=two&x=tokens&smooth=2".into(),
        "/api".into(),
        "/login".into(),
    ];
    for path in pages {
        let page = asked.page(&path).await;
        assert!(page.len() < BYTES, "{path} has {} bytes", page.len());
        assert!(!page.contains("<script>"), "{path} has markup of the model");
        assert!(!page.contains("style="), "{path} has a style that the policy refuses");
        let twin = page.split("<a href=\"").find_map(|rest| {
            let (address, rest) = rest.split_once('"')?;
            rest.starts_with(">This page as JSON").then(|| address.replace("&amp;", "&"))
        });
        if let Some(twin) = twin {
            asked.json(&twin).await;
        } else {
            assert!(["/api", "/login"].contains(&path.as_str()), "{path} has no twin");
        }
        for asset in page.split("=\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert_eq!(asked.get(&format!("/assets/{asset}")).await.status(), 200, "{asset}");
        }
    }
}

#[tokio::test]
async fn text_of_models_is_text() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let page = asked.page(&problem(Some(2))).await;
    assert!(page.contains("&lt;script&gt;document.title='taken'&lt;/script&gt;"));
    assert!(page.contains("Hint: not 3, not &lt;b&gt;7&lt;/b&gt;"), "the exact prompt");
    assert!(page.contains("safe<span class=\"code\">U+202E</span>gpj.exe"), "{page}");
    assert!(page.contains("U+200B ×2"));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{200b}'));
    assert!(page.contains("replaced by extra #0") && page.contains("replaces #1"));
    assert!(page.contains("○↑"), "the rescue is in the history");
    // A megabyte is cut, and all of it is one address away.
    let whole = page.split("href=\"").find_map(|rest| {
        let (address, _) = rest.split_once('"')?;
        address.contains("position=2").then(|| address.replace("&amp;", "&"))
    });
    let answer = asked.get(&whole.expect("the cut response has its address")).await;
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.text().await.unwrap(), long());
    let twin = asked.json(&link::twin(&problem(Some(2)))).await;
    let texts: Vec<&str> = twin["visit"]["first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rollout| rollout["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts[..2], [SCRIPT, HIDDEN]);
    assert_eq!(twin["visit"]["first"][2]["characters"], long().len());
}

#[tokio::test]
async fn what_is_empty_says_why() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let page = asked.page("/runs/two").await;
    for reason in [
        "No step is complete yet.",
        "No evaluation yet.",
        "No step has made a version yet.",
        "How servers fare is known to the process that trains",
    ] {
        assert!(page.contains(reason), "{reason}");
    }
    assert!(asked.page("/runs/two/steps").await.contains("No step is complete yet."));
    assert!(asked.page("/mistakes?answer=none").await.contains("No mistake is like that."));
    assert!(asked.page("/runs/two/problem?id=b").await.contains("No step has taken this problem"));
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().join("retrial.db");
    Store::open(&path).await.unwrap().close().await;
    let asked = Client::over(&path, DashboardConfig::default()).await;
    assert_eq!(asked.get("/").await.headers()["location"], "/runs");
    assert!(asked.page("/runs").await.contains("There is no run in this log yet"));
    assert_eq!(asked.get("/metrics").await.status(), 200);
}

#[tokio::test]
async fn filters_are_addresses() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let rows = async |query: &str| {
        asked.json(&format!("/api/mistakes{query}")).await["rows"].as_array().unwrap().len()
    };
    for (query, expected) in [
        ("", 3),
        ("?run=two", 0),
        ("?kind=wrong", 2),
        ("?answer=%3Cb%3E7%3C%2Fb%3E", 1),
        ("?times=4", 0),
        ("?times=3&from=3&to=3", 3),
        ("?contains=1+%2B+1", 3),
        ("?unsolved=1", 0),
        ("?limit=2", 2),
        ("?limit=2&page=2", 1),
    ] {
        assert_eq!(rows(query).await, expected, "{query}");
    }
    // The query that is shown finds the same.
    let path = "/api/mistakes?contains=1+%2B+1&kind=wrong&unsolved=0&run=one";
    let sql = asked.json(path).await["sql"].as_str().unwrap().to_owned();
    let reader = Reader::open(&log.path()).await.unwrap();
    let mut session = reader.session().await.unwrap();
    let mut view = session.view();
    let mut answer = view.ask(sql).await.unwrap();
    let mut found = 0;
    while answer.next().await.unwrap().is_some() {
        found += 1;
    }
    assert_eq!(found, 2);
    let page = asked.page("/mistakes?kind=wrong").await;
    assert!(page.contains("<option value=\"wrong\" selected>"));
    assert!(page.contains("/api/mistakes.csv?kind=wrong"));
    let graduated = asked.json("/api/runs/one/problems?status=graduated").await;
    assert_eq!(graduated["rows"].as_array().unwrap().len(), 0);
    let rescued = asked.json("/api/runs/one/problems?fate=rescued").await;
    assert_eq!(rescued["rows"][0]["problem"], NAME);
}

#[tokio::test]
async fn what_deserves_attention_is_on_the_page_and_in_the_api() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let healthy = asked.json("/api/runs/one/attention").await;
    assert_eq!(healthy["attention"].as_array().unwrap().len(), 0, "{healthy}");
    assert!(asked.page("/runs/one").await.contains("Nothing needs attention."));
    for number in 4..=5 {
        log.step_with(Step(number), &[(Metric::FirstTrialTruncationRate, 1.0)]).await;
    }
    let cut = asked.json("/api/runs/one/attention").await;
    let entry = &cut["attention"][0];
    assert_eq!((&entry["kind"], &entry["severity"]), (&"all_cut".into(), &"wasted".into()));
    let page = asked.page("/runs/one").await;
    let link = format!("href=\"{}\"", entry["page"].as_str().unwrap());
    assert!(
        page.contains("In the last steps 1.000 of the responses were cut") && page.contains(&link)
    );
    assert_eq!(asked.json("/api/runs/one").await["attention"], cut["attention"]);
}

#[tokio::test]
async fn a_chart_has_a_page_with_its_question_its_numbers_and_files() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let overview = asked.page("/runs/one?x=tokens").await;
    assert!(
        overview.contains("href=\"/runs/one/panels/reward?x=tokens\""),
        "its title leads there"
    );
    let page = asked.page("/runs/one/panels/reward?x=tokens").await;
    for part in
        ["Does it get better?", "Share of the rollouts of the first trial", "sampled tokens"]
    {
        assert!(page.contains(part), "{part}");
    }
    let twin = asked.json("/api/runs/one/panels/reward?x=tokens").await;
    assert_eq!((&twin["over"], &twin["x"]), (&"tokens".into(), &serde_json::json!([5, 10, 15])));
    let csv = asked.get("/api/runs/one/panels/reward/csv?x=tokens").await.text().await.unwrap();
    assert!(csv.starts_with("tokens,smoothed,each step\n5,0.25,0.25\n"), "{csv}");
    let picture = asked.get("/api/runs/one/panels/reward/svg").await;
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");
    assert!(picture.text().await.unwrap().starts_with("<svg "));
    let panel = asked.json("/api/compare/panels/reward?run=one&run=two").await;
    assert_eq!((&panel["gaps"], &panel["series"][0]["name"]), (&"joined".into(), &"one".into()));
    for (path, status) in [
        ("/runs/one/panels/none", 404),
        ("/runs/one/panels/reward?scale=ln", 400),
        ("/api/compare/panels/none?run=one", 404),
    ] {
        assert_eq!(asked.get(path).await.status(), status, "{path}");
    }
}

#[tokio::test]
async fn problems_are_sorted_by_their_heads() {
    let log = Log::new().await;
    let asked = log.asked().await;
    let first = async |query: &str| {
        asked.json(&format!("/api/runs/one/problems{query}")).await["rows"][0]["problem"].clone()
    };
    assert_eq!(first("").await, NAME, "it failed most often");
    assert_eq!(first("?sort=pass_rate").await, NAME);
    assert_eq!(first("?sort=last_step").await, NAME, "equal ones by name");
    assert_eq!(asked.get("/api/runs/one/problems?sort=luck").await.status(), 400);
    let page = asked.page("/runs/one/problems?sort=pass_rate").await;
    assert!(page.contains("aria-sort=\"ascending\"") && page.contains("9 + 3"), "{page}");
    let lost = asked.json("/api/runs/one/problems?status=lost").await;
    assert_eq!(lost["rows"].as_array().unwrap().len(), 0);
}

//! Reports over the log of two runs, in which a model has written hostile text.

use clap::Parser;
use retrial_config::DashboardConfig;
use retrial_dashboard::Listener;
use retrial_fixture::{Log, SCRIPT};
use retrial_report::escaped;
use serde_json::Value;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

async fn report(log: &Log, arguments: &[&str]) -> Result<String, Failure> {
    let db = log.folder.path().join("retrial.db");
    let all = ["report", "--db", db.to_str().unwrap()].into_iter();
    let args = Cli::parse_from(all.chain(arguments.iter().copied())).args;
    let mut out = Vec::new();
    print(&args, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

async fn refused(log: &Log, arguments: &[&str]) -> String {
    match report(log, arguments).await.unwrap_err() {
        Failure::Input(error) => error.to_string(),
        other => panic!("not the input is wrong: {other:?}"),
    }
}

#[tokio::test]
async fn two_runs_side_by_side() {
    let log = Log::new().await;
    insta::assert_snapshot!(report(&log, &["one", "two"]).await.unwrap());
}

#[tokio::test]
async fn plots_are_files_beside_the_report() {
    let log = Log::new().await;
    let folder = log.folder.path().join("plots");
    let text = report(&log, &["one", "--plots", folder.to_str().unwrap()]).await.unwrap();
    let named: Vec<&str> =
        text.split("](<").skip(1).filter_map(|rest| rest.split('>').next()).collect();
    assert!(named.len() >= 3, "{text}");
    for path in named {
        let drawn = std::fs::read_to_string(path).unwrap();
        assert!(drawn.starts_with("<svg ") && drawn.contains("<path"), "{path}: {drawn}");
    }
}

#[tokio::test]
async fn a_page_needs_nothing_else() {
    let log = Log::new().await;
    let page = report(&log, &["one", "two", "--format", "html"]).await.unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<svg class=\"chart\""));
    assert!(page.contains("<code>run.seed</code>"), "the settings that differ");
    for needed in ["<script", "<link", "href=", "src=", "url(http", SCRIPT] {
        assert!(!page.contains(needed), "{needed}");
    }
}

#[tokio::test]
async fn programs_get_what_the_api_says() {
    let log = Log::new().await;
    let text = report(&log, &["one", "two", "--format", "json"]).await.unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::open(&DashboardConfig { listen, ..Default::default() }).await.unwrap();
    let dashboard = listener.serve(&log.path(), None).await.unwrap();
    let url = format!("{}api/compare?run=one&run=two", dashboard.url());
    let answer: Value =
        retrial_servers::plain_client().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(found, answer);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let log = Log::new().await;
    let error = refused(&log, &["one", "three"]).await;
    assert!(error.contains("no run `three`") && error.contains("hint: its runs are: one, two"));
    let error = refused(&log, &["one", "two", "one"]).await;
    assert!(error.contains("run `one` is named twice"), "{error}");
    let seven: Vec<String> = (0..7).map(|number| format!("run-{number}")).collect();
    let error = refused(&log, &seven.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(error.contains("7 runs are given") && error.contains("at most 6"), "{error}");
    let error = refused(&log, &["one", "--format", "html", "--plots", "plots"]).await;
    assert!(error.contains("hint: an HTML page includes its plots"), "{error}");
}

#[test]
fn markdown_shows_texts_as_they_are() {
    assert_eq!(escaped("a|b\n<i>*c*</i>&amp;"), r"a\|b \<i\>\*c\*\</i\>\&amp;");
}

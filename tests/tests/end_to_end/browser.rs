//! The dashboard in a real browser. `make test-browser` installs what it needs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use retrial_tests::{Browser, Project, root, shown};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};

const SCRIPT: &str = "<script>window.taken=1</script><img src=x onerror='window.taken=1'>";
const HIDDEN: &str = "left \u{202e}thgir\u{202c} \u{200b}\u{200d}end";
/// A page may be this large.
const BYTES: u64 = 150_000;
/// Pages that are looked at by following links.
const PAGES: usize = 60;

/// Has the model have written hostile text, in the first trial of one problem. Returns its name.
async fn plant(project: &Project) -> String {
    let options = SqliteConnectOptions::new().filename(project.path("retrial.db"));
    let mut log = options.connect().await.unwrap();
    let row = sqlx::query("SELECT run, step, problem FROM hints ORDER BY step, problem LIMIT 1")
        .fetch_one(&mut log)
        .await
        .unwrap();
    let (run, step, problem): (i64, i64, String) = (row.get(0), row.get(1), row.get(2));
    let texts = [SCRIPT.to_owned(), HIDDEN.to_owned(), "long text ".repeat(104_858)];
    for (position, text) in texts.iter().enumerate() {
        let query = "UPDATE responses SET text = ? \
                     WHERE run = ? AND step = ? AND problem = ? AND trial = 'first' AND position = ?";
        let done = sqlx::query(query)
            .bind(text)
            .bind(run)
            .bind(step)
            .bind(&problem)
            .bind(position as i64)
            .execute(&mut log)
            .await
            .unwrap();
        assert_eq!(done.rows_affected(), 1);
    }
    let query = "UPDATE problems SET text = text || ? WHERE run = ? AND id = ?";
    let done =
        sqlx::query(query).bind(SCRIPT).bind(run).bind(&problem).execute(&mut log).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    problem
}

/// Fails if the page has complained, or asked another host for anything.
fn assert_quiet(browser: &mut Browser, host: &str) {
    browser.value("1");
    assert_eq!(browser.complaints, [""; 0], "the console is quiet");
    let foreign =
        browser.requests.iter().find(|url| !url.starts_with(host) && !url.starts_with("data:"));
    assert_eq!(foreign, None, "nothing is asked of another host");
    assert_eq!(browser.value("window.taken === undefined"), true, "no text became markup");
}

/// Every page that can be reached by links loads, is small, and is quiet.
fn crawl(browser: &mut Browser, host: &str) {
    let mut known = BTreeSet::from([format!("{host}/runs")]);
    let mut left: Vec<String> = known.iter().cloned().collect();
    let mut kinds = BTreeSet::new();
    while let Some(url) = left.pop() {
        // Of each kind of page a few.
        let kind = url.split(['?', '#']).next().unwrap().replace(char::is_numeric, "");
        if known.len() > PAGES && !kinds.insert(kind) {
            continue;
        }
        browser.go(&url);
        let bytes = browser.value("performance.getEntriesByType('navigation')[0].decodedBodySize");
        assert!(bytes.as_u64().unwrap() < BYTES, "{url} has {bytes} bytes");
        let status = browser.value("performance.getEntriesByType('navigation')[0].responseStatus");
        assert_eq!(status, 200, "{url}");
        assert_quiet(browser, host);
        let links = "[...document.querySelectorAll('a[href]')].map(a => a.href.split('#')[0])";
        for link in browser.value(links).as_array().unwrap() {
            let link = link.as_str().unwrap();
            let page = link.strip_prefix(host).expect("links stay here");
            let api = page.starts_with("/api/") || page == "/openapi.json";
            let plain = api || page == "/metrics" || page == "/healthz";
            if !plain && known.insert(link.to_owned()) {
                left.push(link.to_owned());
            }
        }
    }
    assert!(known.len() > 20, "{known:?}");
}

fn hostile_text(browser: &mut Browser, host: &str, problem: &str) {
    let escaped = browser.text(&format!("encodeURIComponent({})", json!(problem)));
    browser.go(&format!("{host}/runs/test/problem?id={escaped}"));
    assert_quiet(browser, host);
    let text = |browser: &mut Browser, position: usize| {
        browser.text(&format!("document.querySelector('#first-{position} pre').textContent"))
    };
    assert_eq!(text(browser, 0), SCRIPT);
    let hidden = text(browser, 1);
    assert!(hidden.contains("U+202E") && hidden.contains("U+200B"), "{hidden}");
    assert!(!hidden.contains('\u{202e}'), "nothing turns the reading direction");
    assert!(text(browser, 2).len() < 10_000);
    let whole = "fetch(document.querySelector('#first-2 a[href*=response]').href)\
                 .then(answer => answer.text()).then(text => text.length)";
    assert_eq!(browser.value(whole), 1_048_580);
}

fn keyboard(browser: &mut Browser, host: &str) {
    browser.go(&format!("{host}/runs/test/steps/1"));
    browser.press("j");
    browser.press("j");
    browser.press("k");
    let current =
        "[...document.querySelectorAll('.item')].findIndex(item => item.matches('.current'))";
    assert_eq!(browser.value(current), 0);
    browser.press("j");
    assert_eq!(browser.value(current), 1);
    let focused = browser.text("document.activeElement.href");
    browser.press("Enter");
    browser.loaded();
    assert_eq!(browser.text("location.href"), focused);
    // A problem: rollouts by j and k, groups by n and p.
    browser.press("j");
    assert_eq!(browser.value("document.activeElement.matches('article.rollout')"), true);
    let here = browser.text("location.search");
    browser.press("n");
    browser.loaded();
    assert_ne!(browser.text("location.search"), here);
    browser.press("p");
    browser.loaded();
    assert_eq!(browser.text("location.search"), here);
    browser.press("/");
    browser.loaded();
    assert_eq!(browser.text("location.pathname"), "/mistakes");
    browser.wait_for("document.activeElement.id === 'find'");
    assert_quiet(browser, host);
}

fn filters(browser: &mut Browser, host: &str) {
    browser.go(&format!("{host}/mistakes?run=test"));
    let rows = "document.querySelectorAll('tr.item').length";
    let all = browser.value(rows).as_u64().unwrap();
    browser.value(
        "(() => { const form = document.querySelector('form.filters'); \
         form.elements.kind.value = 'wrong'; form.elements.times.value = 3; form.requestSubmit() })()",
    );
    browser.loaded();
    let search = browser.text("location.search");
    assert!(search.contains("kind=wrong") && search.contains("times=3"), "{search}");
    let some = browser.value(rows).as_u64().unwrap();
    assert!(some < all, "{some} of {all}");
    let least = "Math.min(...[...document.querySelectorAll('tr.item')]\
                 .map(row => Number(row.querySelector('.number').textContent)))";
    assert!(some == 0 || browser.value(least).as_f64().unwrap() >= 3.0);
    let sql = browser.text("document.querySelector('pre.sql').textContent");
    assert!(sql.contains("times >= 3"), "{sql}");
    assert_quiet(browser, host);
}

fn charts_and_forms(browser: &mut Browser, host: &str) {
    browser.go(&format!("{host}/runs/test"));
    browser.point_at("#panel-reward svg.chart");
    browser
        .wait_for("document.querySelector('#panel-reward .readout')?.textContent.includes('step')");
    browser.go(&format!("{host}/api"));
    browser.value(
        "(() => { const form = document.querySelector('form[data-path=\"/api/runs/{run}/status\"]'); \
         form.closest('details').open = true; form.elements.run.value = 'test'; form.requestSubmit() })()",
    );
    browser
        .wait_for("document.querySelector('output pre')?.textContent.includes('weight_version')");
    assert_quiet(browser, host);
}

fn looks(browser: &mut Browser, host: &str) {
    let background = "getComputedStyle(document.body).backgroundColor";
    browser.look(1280, 900, false);
    browser.go(&format!("{host}/runs/test"));
    let light = browser.text(background);
    browser.look(1280, 900, true);
    assert_ne!(browser.text(background), light, "dark is dark");
    browser.look(390, 844, false);
    for path in ["/runs/test", "/mistakes", "/runs/test/steps/1"] {
        browser.go(&format!("{host}{path}"));
        let width = browser.value("document.documentElement.scrollWidth");
        assert!(width.as_u64().unwrap() <= 390, "{path} is {width} wide on a phone");
    }
    browser.look(1280, 900, false);
    browser.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    browser.go(&format!("{host}/runs/test"));
    let charts = browser.value("document.querySelectorAll('svg.chart path').length");
    assert!(charts.as_u64().unwrap() > 20, "charts need no script");
    browser.call("Emulation.setScriptExecutionDisabled", &json!({ "value": false }));
}

#[tokio::test]
#[ignore = "needs Chromium: make test-browser"]
async fn a_finished_run() {
    let project = Project::new();
    let output = project.train(&["--set", "rollout.problems=24"]);
    assert!(output.status.success(), "{}", shown(&output));
    let problem = plant(&project).await;
    let over = project.dashboard(&[]);
    let host = &over.url;
    let mut browser = Browser::start();
    browser.look(1280, 900, false);
    hostile_text(&mut browser, host, &problem);
    keyboard(&mut browser, host);
    filters(&mut browser, host);
    charts_and_forms(&mut browser, host);
    looks(&mut browser, host);
    crawl(&mut browser, host);
    browser.go(&format!("{host}/runs/none"));
    assert_eq!(browser.text("document.querySelector('h1').textContent"), "Not Found");
}

#[tokio::test]
#[ignore = "needs Chromium: make test-browser"]
async fn a_run_that_goes_on() {
    let project = Project::new();
    let run = project.train_watched(&["--set", "run.steps=12"]);
    let mut browser = Browser::start();
    browser.look(1280, 900, false);
    browser.go(&format!("{}/runs/test", run.url));
    let line = "document.querySelector('#panel-reward svg.chart path.l0')?.getAttribute('d')";
    browser.wait_for(line);
    // The page is not loaded again: what moves, moves by itself.
    browser.value("window.still = true");
    for _ in 0..2 {
        let drawn = browser.text(line);
        browser.wait_for(&format!("{line} !== {}", json!(drawn)));
    }
    let status = browser.text("document.getElementById('status').textContent");
    assert!(status.contains("of 12"), "{status}");
    assert_eq!(browser.value("window.still"), true);
    assert_quiet(&mut browser, &run.url);
}

/// Not a test: makes the pictures of docs/ from the demo and its comparison.
#[tokio::test]
#[ignore = "makes pictures: make screenshots"]
async fn screenshots() {
    let project = Project::new();
    for config in ["lte", "grpo"] {
        let path = root().join(format!("examples/dialects/{config}.toml"));
        let arguments = ["run", path.to_str().unwrap(), "--set", "dashboard.enabled=false"];
        let output = project.retrial(arguments);
        assert!(output.status.success(), "{}", shown(&output));
    }
    let over = project.dashboard(&[]);
    let folder: PathBuf = root().join("docs/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    let mut browser = Browser::start();
    let problem = {
        let row = sqlx::query(
            "SELECT problem, step FROM hints WHERE kind = 'hint' AND run = 1 AND json_array_length(answers) > 1 \
             ORDER BY step LIMIT 1",
        )
        .fetch_one(&project.log().await)
        .await
        .unwrap();
        let (problem, step): (String, i64) = (row.get(0), row.get(1));
        let escaped = browser.text(&format!("encodeURIComponent({})", json!(problem)));
        format!("/runs/dialects-lte/problem?id={escaped}&step={step}")
    };
    let pictures = [
        ("overview", "/runs/dialects-lte", 1100, false),
        ("overview-dark", "/runs/dialects-lte", 700, true),
        ("step", "/runs/dialects-lte/steps/1", 700, false),
        ("problem", problem.as_str(), 1100, false),
        ("mistakes", "/mistakes?run=dialects-lte", 700, false),
        ("compare", "/compare?run=dialects-lte&run=dialects-grpo", 1000, false),
    ];
    for (name, path, height, dark) in pictures {
        browser.look(1280, height, dark);
        browser.go(&format!("{}{path}", over.url));
        browser.picture(&folder.join(format!("{name}.png")));
    }
}

//! A request to the dashboard: a method and a path, a header a line, an empty line, a body.

use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use retrial_config::DashboardConfig;
use retrial_dashboard::{Access, Site};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::folder::fixture;
use crate::input::first_line;

/// Control needs one.
const TOKEN: &str = "0123456789abcdef";

struct Dashboard {
    runtime: Runtime,
    router: Router,
    _folder: TempDir,
}

static DASHBOARD: LazyLock<Dashboard> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (log, token) = (folder.path().join("log.sqlite"), folder.path().join("token"));
    std::fs::copy(fixture("log.sqlite"), &log).expect("the log can be copied");
    std::fs::write(&token, TOKEN).expect("a file can be written");
    let config = DashboardConfig { token_file: Some(token), ..DashboardConfig::default() };
    let access = Access::new(&config).expect("the token is one");
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("it starts");
    let router = runtime.block_on(async {
        // A log of an older version is migrated.
        let store = retrial_store::Store::open(&log).await.expect("the log can be opened");
        store.close().await;
        retrial_dashboard::router(
            Site::open(&log, None, access).await.expect("the log can be read"),
        )
    });
    Dashboard { runtime, router, _folder: folder }
});

/// Any request gets an answer that is not a server error, and a page has no script
/// but its own.
pub fn dashboard_request(input: &[u8]) -> bool {
    let Some(request) = request(input) else { return false };
    let Dashboard { runtime, router, .. } = &*DASHBOARD;
    runtime.block_on(async {
        let answer = router.clone().oneshot(request).await.expect("it does not fail");
        let status = answer.status();
        let kind = answer.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
        // The stream of events does not end.
        if kind != "text/event-stream" {
            let body = to_bytes(answer.into_body(), usize::MAX).await.expect("it can be read");
            if kind.starts_with("text/html") {
                let page = String::from_utf8_lossy(&body);
                assert!(page.matches("<script").count() <= 1, "{page}");
            }
        }
        status.is_success() || status.is_redirection()
    })
}

fn request(input: &[u8]) -> Option<Request<Body>> {
    let (start, mut rest) = first_line(input);
    let start = std::str::from_utf8(start).ok()?;
    let (method, address) = start.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(address).header("host", "localhost");
    loop {
        let (line, after) = first_line(rest);
        rest = after;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|&byte| byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    request.body(Body::from(rest.to_vec())).ok()
}

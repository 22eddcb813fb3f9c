//! A dashboard over a log of two runs, and a client.

use std::ops::Deref;
use std::path::Path;

use retrial_config::DashboardConfig;
use serde_json::Value;

use crate::{Dashboard, Listener};

pub use retrial_fixture::{HIDDEN, NAME, SCRIPT, long};

/// The log.
pub struct Log(retrial_fixture::Log);

/// A dashboard and a client.
pub struct Client {
    _dashboard: Dashboard,
    pub url: String,
    pub http: reqwest::Client,
}

impl Log {
    pub async fn new() -> Self {
        Self(retrial_fixture::Log::new().await)
    }

    /// A dashboard over it, on a free port.
    pub async fn asked(&self) -> Client {
        self.asked_with(DashboardConfig::default()).await
    }

    /// A dashboard with other settings.
    pub async fn asked_with(&self, config: DashboardConfig) -> Client {
        Client::over(&self.path(), config).await
    }
}

impl Deref for Log {
    type Target = retrial_fixture::Log;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Client {
    /// Of a dashboard over a log, on a free port.
    pub async fn over(log: &Path, config: DashboardConfig) -> Self {
        let listen = std::net::SocketAddr::new(config.listen.ip(), 0);
        let listener = Listener::open(&DashboardConfig { listen, ..config }).await.unwrap();
        let dashboard = listener.serve(log, None).await.unwrap();
        let url = dashboard.url().trim_end_matches('/').to_owned();
        let policy = reqwest::redirect::Policy::none();
        retrial_servers::install_tls();
        let http = reqwest::Client::builder().redirect(policy).build().unwrap();
        Self { _dashboard: dashboard, url, http }
    }

    pub async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    /// The page at a path.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert_eq!(kind, "text/html; charset=utf-8", "{path}");
        answer.text().await.unwrap()
    }

    /// The JSON at a path.
    pub async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }
}

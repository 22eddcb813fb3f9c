//! Access control: the host and the origin of a request, and its token.
//!
//! - A page of another site can make a browser send requests to this address, by a name that it
//!   resolves to it (DNS rebinding). Requests for unknown host names are rejected; IP
//!   addresses cannot be used this way.
//! - Reading needs no token on the loopback interface, and one elsewhere, unless the configuration says that
//!   access is restricted by other means. Control always needs one.
//! - Tokens are compared by their digests, in constant time.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use retrial_config::DashboardConfig;
use retrial_protocol::{InvalidToken, Token};
use retrial_report::format::hex;
use subtle::ConstantTimeEq;

use crate::error::ApiError;

/// The cookie of a browser that has logged in.
const COOKIE: &str = "retrial";
/// The variable with the token, if no file has it.
const TOKEN_VARIABLE: &str = "RETRIAL_DASHBOARD_TOKEN";
/// Paths that need no token.
const OPEN: [&str; 2] = ["/healthz", "/login"];

/// Access rules.
#[derive(Clone, Debug)]
pub struct Access {
    token: Option<Token>,
    /// Whether reading needs the token too.
    closed: bool,
    hosts: Vec<String>,
}

/// Why the configured access is invalid.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// Everyone could read.
    #[error(
        "the dashboard would be seen beyond this machine at {listen}, which requires a token\n\
         hint: write one to a file (openssl rand -hex 16 > token) and name it by \
         [dashboard] token_file or --token-file; or listen on 127.0.0.1"
    )]
    Open {
        /// The address it would listen on.
        listen: SocketAddr,
    },
}

impl Access {
    /// Access as configured. The token is in a file or in the environment.
    pub fn new(config: &DashboardConfig) -> Result<Self, AccessError> {
        let token = match &config.token_file {
            Some(path) => Some(Token::read(path)?),
            None => Token::of_environment(TOKEN_VARIABLE)?,
        };
        let closed = !config.listen.ip().is_loopback() && !config.read_without_token;
        if closed && token.is_none() {
            return Err(AccessError::Open { listen: config.listen });
        }
        Ok(Self { token, closed, hosts: config.hosts.clone() })
    }

    /// Whether there is a token.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request has the token.
    pub fn known(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return false };
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        if text(header::AUTHORIZATION).is_some_and(|value| token.is_shown_by(value)) {
            return true;
        }
        let cookies = text(header::COOKIE).unwrap_or_default();
        let cookie = cookies.split(';').find_map(|pair| pair.trim().strip_prefix("retrial="));
        cookie.is_some_and(|given| cookie_of(token).as_bytes().ct_eq(given.as_bytes()).into())
    }

    /// Rejects requests without permission to control the run.
    pub fn require(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if self.token.is_none() {
            return Err(ApiError::Refused(
                "control needs a token, and this dashboard has none; [dashboard] token_file or \
                 RETRIAL_DASHBOARD_TOKEN gives it one"
                    .into(),
            ));
        }
        if self.known(headers) { Ok(()) } else { Err(ApiError::NoToken) }
    }

    /// The cookie for the right token.
    pub fn cookie(&self, given: &str) -> Option<String> {
        let value = cookie_of(self.token.as_ref().filter(|token| token.is(given))?);
        Some(format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000"))
    }

    fn allow(&self, request: &Request) -> Result<(), ApiError> {
        let headers = request.headers();
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri().host()).unwrap_or_default();
        if !self.is_own(host) {
            return Err(ApiError::Refused(format!(
                "`{host}` is not a name of this dashboard; [dashboard] hosts or --host lists more"
            )));
        }
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        if !reads && !is_from(headers, host) {
            return Err(ApiError::Refused("the request comes from a page of another site".into()));
        }
        let path = request.uri().path();
        let open = OPEN.contains(&path) || path.starts_with("/assets/");
        if self.closed && !open && !self.known(headers) {
            return Err(ApiError::NoToken);
        }
        Ok(())
    }

    fn is_own(&self, host: &str) -> bool {
        let name = without_port(host);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The cookie's value, which is not the token itself.
fn cookie_of(token: &Token) -> String {
    hex(&token.derived("retrial dashboard"))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether a request comes from a page of this dashboard, or from no page.
fn is_from(headers: &HeaderMap, host: &str) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        return site.is_none_or(|site| [&b"same-origin"[..], b"none"].contains(&site));
    };
    let origin = origin.to_str().unwrap_or_default();
    origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host))
}

/// Passes a request on, or rejects it.
pub async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.allow(&request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(token: &str, hosts: &[&str]) -> Access {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, token).unwrap();
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        let config =
            DashboardConfig { token_file: Some(path), hosts, ..DashboardConfig::default() };
        Access::new(&config).unwrap()
    }

    #[test]
    fn names_that_can_be_pointed_elsewhere_are_refused() {
        let access = access("0123456789abcdef", &["gpu.example.org"]);
        let own = [
            "127.0.0.1:8080",
            "localhost",
            "LOCALHOST:1",
            "[::1]:80",
            "10.0.0.7",
            "gpu.example.org:80",
        ];
        for host in own {
            assert!(access.is_own(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:8080",
            "localhost.evil.example",
            "",
            "gpu.example.org.evil",
        ] {
            assert!(!access.is_own(host), "{host}");
        }
    }

    #[test]
    fn the_token_is_a_header_or_a_cookie() {
        let access = access("0123456789abcdef\n", &[]);
        let known = |name: &str, value: &str| {
            let name: header::HeaderName = name.parse().unwrap();
            access.known(&HeaderMap::from_iter([(name, value.parse().unwrap())]))
        };
        assert!(known("authorization", "Bearer 0123456789abcdef"));
        assert!(!known("authorization", "Bearer 0123456789abcdeg"));
        assert!(!known("authorization", "0123456789abcdef"));
        assert_eq!(access.cookie("wrong"), None);
        let cookie = access.cookie("0123456789abcdef").unwrap();
        let pair = cookie.split(';').next().unwrap();
        assert!(!pair.contains("0123456789abcdef"), "the cookie is not the token");
        assert!(known("cookie", &format!("other=1; {pair}")));
        assert!(!known("cookie", "retrial=0123456789abcdef"));
    }

    #[test]
    fn beyond_this_machine_a_token_is_needed() {
        let listen = "0.0.0.0:8080".parse().unwrap();
        let open = DashboardConfig { listen, ..DashboardConfig::default() };
        let error = Access::new(&open).unwrap_err().to_string();
        assert!(error.contains("requires a token") && error.contains("hint:"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "short").unwrap();
        let token_file = Some(path);
        let error = Access::new(&DashboardConfig { token_file, ..open.clone() }).unwrap_err();
        assert!(error.to_string().contains("at least 16"), "{error}");
        let trusted = Access::new(&DashboardConfig { read_without_token: true, ..open }).unwrap();
        assert!(!trusted.closed && !trusted.has_token());
    }

    #[test]
    fn requests_of_other_sites_are_told() {
        let from = |name: &'static str, value: &str| {
            let headers = HeaderMap::from_iter([(
                header::HeaderName::from_static(name),
                value.parse().unwrap(),
            )]);
            is_from(&headers, "127.0.0.1:8080")
        };
        assert!(from("origin", "http://127.0.0.1:8080"));
        assert!(!from("origin", "http://127.0.0.1:9090"));
        assert!(!from("origin", "null"));
        assert!(!from("sec-fetch-site", "cross-site"));
        assert!(from("accept", "*/*"), "a program sends neither");
    }
}

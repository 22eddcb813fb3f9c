//! The HTTP clients, and the TLS provider.

use std::time::Duration;

use reqwest::redirect::Policy;

use crate::address::Address;
use crate::error::CallError;
use crate::keyring::Keyring;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Servers drop idle connections after 5 s; the client closes them earlier.
const IDLE: Duration = Duration::from_secs(3);

/// A client for one server, whose every call ends within `timeout`. It follows no redirects: only
/// the configured address is called.
pub fn client(
    keyring: &Keyring,
    address: &Address,
    timeout: Duration,
) -> Result<reqwest::Client, CallError> {
    install_tls();
    let builder = reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE)
        .redirect(Policy::none())
        .default_headers(keyring.headers());
    // The environment's proxy is used, but not for this machine.
    let builder = if address.is_loopback() { builder.no_proxy() } else { builder };
    let builder = if address.is_encrypted() {
        builder.tls_certs_merge(keyring.roots())
    } else {
        // The system's certificates, which may be missing, are read only if they are needed.
        builder.tls_certs_only([])
    };
    builder.build().map_err(CallError::Client)
}

/// Chooses the TLS provider, once a process. Call it before the first HTTP client is made.
pub fn install_tls() {
    // It fails if the provider was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client without credentials and without trusted certificates: for programs that call services of
/// this machine.
pub fn plain_client() -> reqwest::Client {
    install_tls();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    client.build().expect("a plain client can be made")
}

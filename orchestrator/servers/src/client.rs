//! The HTTP clients that there are, and what does the cryptography of TLS for them.

use std::time::Duration;

use reqwest::redirect::Policy;

use crate::address::Address;
use crate::error::CallError;
use crate::keyring::Keyring;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Servers drop idle connections after 5 s; the client lets go of them sooner.
const IDLE: Duration = Duration::from_secs(3);

/// A client for one server, whose every call ends within `timeout`. It follows no redirection: what is
/// called is what was configured.
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
    // The variables of a proxy are heeded, but no proxy leads back to this machine.
    let builder = if address.is_loopback() { builder.no_proxy() } else { builder };
    let builder = if address.is_encrypted() {
        builder.tls_certs_merge(keyring.roots())
    } else {
        // The system's certificates, which need not be there, are not read in vain.
        builder.tls_certs_only([])
    };
    builder.build().map_err(CallError::Client)
}

/// Chooses what does the cryptography of TLS, once a process. It comes before the first HTTP client.
pub fn install_tls() {
    // It fails where the choice has been made.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client that shows nothing and trusts nobody's certificate: for programs that look at the services of
/// this machine.
pub fn plain_client() -> reqwest::Client {
    install_tls();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    client.build().expect("a plain client can be made")
}

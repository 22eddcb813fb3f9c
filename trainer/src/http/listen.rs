//! What the HTTP services of both programs share: bind the port, print the address, check the token,
//! and end on a signal or with the parent process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use retrial_protocol::{ErrorBody, Token};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Time for requests in flight once the process is told to end.
const GRACE: Duration = Duration::from_secs(10);

/// The path that needs no token.
const OPEN: &str = "/health";

/// Address of a service and when it ends.
#[derive(Clone, Debug, clap::Args)]
pub struct Listen {
    /// Address to listen on. On other addresses than loopback callers must send a token: the content of
    /// `RETRIAL_SERVICE_TOKEN`, or of the file that `RETRIAL_SERVICE_TOKEN_FILE` names.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port to listen on; 0 picks a free one. The address is printed as one line of JSON.
    #[arg(long)]
    pub port: u16,
    /// End when standard input is closed, so that a service ends with the process that started it.
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// A bound port, and the token that callers must send.
#[derive(Debug)]
pub struct BoundListener {
    listener: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
}

impl Listen {
    /// Ends the process as soon as standard input is closed, if asked for: the parent has ended, so
    /// nobody waits for the requests in flight.
    pub fn end_with_parent(&self) {
        if self.exit_with_stdin {
            // On its own thread, because a blocking read of standard input cannot be cancelled.
            std::thread::spawn(|| {
                let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                std::process::exit(0);
            });
        }
    }

    /// Binds the port. An address beyond loopback requires a token: whoever can train or load weights
    /// can have files written and read.
    pub async fn bind(&self) -> Result<BoundListener> {
        self.end_with_parent();
        let (host, port) = (&self.host, self.port);
        let listener = TcpListener::bind((host.as_str(), port)).await.with_context(|| {
            format!(
                "cannot listen on {host}:{port}\n\
                 hint: another process may use it; --port 0 takes a free one"
            )
        })?;
        let address = listener.local_addr().context("a bound socket has an address")?;
        let token = Token::of_environment(Token::OF_SERVICES)?;
        if token.is_none() && !address.ip().is_loopback() {
            let variable = Token::OF_SERVICES;
            bail!(
                "the service would be reached beyond this machine at {address}, which requires a \
                 token\n\
                 hint: export {variable}=$(openssl rand -hex 16), here and where `retrial run` is \
                 started; or listen on 127.0.0.1"
            );
        }
        Ok(BoundListener { listener, address, token })
    }

    /// Prints the address and serves until the process is told to end. Requests in flight then
    /// have a limited time to finish, because a paused server would hold them for ever.
    pub async fn serve(&self, bound: BoundListener, router: Router) -> Result<()> {
        let BoundListener { listener, address, token } = bound;
        println!("{}", serde_json::json!({ "listening": format!("http://{address}") }));
        let router = match token {
            Some(token) => router.layer(middleware::from_fn_with_state(Arc::new(token), guard)),
            None => router,
        };
        let (tell, told) = tokio::sync::oneshot::channel();
        let ending = async move {
            interrupted().await;
            let _ = tell.send(());
        };
        let overdue = async {
            match told.await {
                Ok(()) => tokio::time::sleep(GRACE).await,
                // The server has stopped: the other branch has the result.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            served = axum::serve(listener, router).with_graceful_shutdown(ending) => {
                served.context("cannot serve")
            }
            () = overdue => Ok(()),
        }
    }
}

/// Passes a request on if it has the token.
async fn guard(State(token): State<Arc<Token>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if request.uri().path() == OPEN || shown.is_some_and(|shown| token.is_shown_by(shown)) {
        return next.run(request).await;
    }
    let error = format!("the token of {} is missing or another one", Token::OF_SERVICES);
    (StatusCode::UNAUTHORIZED, Json(ErrorBody { error })).into_response()
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

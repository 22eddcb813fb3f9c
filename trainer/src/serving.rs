//! What both binaries do around their HTTP service: bind, say where they listen, end with their
//! parent.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests in flight may take once the process is told to end.
const GRACE: Duration = Duration::from_secs(10);

/// Where a service listens and what ends it.
#[derive(Clone, Debug, clap::Args)]
pub struct Listen {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port to listen on; 0 takes a free one. The address is printed as one line of JSON.
    #[arg(long)]
    pub port: u16,
    /// End when standard input is closed: a service started by another process ends with it.
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// Logs to standard error; `RUST_LOG` chooses what.
pub fn init_tracing() -> Result<()> {
    Ok(retrial_log::init("info", None)?)
}

/// Uses `threads` of libtorch's threads. One is fastest unless the machine is otherwise idle: more
/// spin while they wait.
pub fn set_threads(threads: u16) {
    tch::set_num_threads(i32::from(threads));
    tch::set_num_interop_threads(1);
}

/// Reports what is wrong with the arguments or the files they name: exit code 2.
pub fn refused(error: &anyhow::Error) -> ExitCode {
    retrial_log::tell_error(&format!("{error:#}"));
    ExitCode::from(2)
}

/// Reports how the work ended: exit code 0 or 1.
pub fn ended(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            retrial_log::tell_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

impl Listen {
    /// Takes the port.
    pub async fn bind(&self) -> Result<TcpListener> {
        TcpListener::bind((self.host.as_str(), self.port)).await.with_context(|| {
            let (host, port) = (&self.host, self.port);
            format!(
                "cannot listen on {host}:{port}\n\
                 hint: another process may use it; --port 0 takes a free one"
            )
        })
    }

    /// Says where it listens and serves until the process is told to end. Requests in flight then
    /// have a while to be answered: a paused server would hold them for ever.
    pub async fn serve(&self, listener: TcpListener, router: Router) -> Result<()> {
        let address: SocketAddr = listener.local_addr().context("a bound socket has an address")?;
        println!("{}", serde_json::json!({ "listening": format!("http://{address}") }));
        let (tell, told) = tokio::sync::oneshot::channel();
        let with_stdin = self.exit_with_stdin;
        let ending = async move {
            end(with_stdin).await;
            let _ = tell.send(());
        };
        let overdue = async {
            match told.await {
                Ok(()) => tokio::time::sleep(GRACE).await,
                // It serves no more: the other branch has the result.
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

async fn end(with_stdin: bool) {
    let interrupted = async {
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
    };
    if !with_stdin {
        return interrupted.await;
    }
    // Standard input is read on a thread of its own, which must not keep the process alive.
    let (closed, stdin_closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = closed.send(());
    });
    tokio::select! {
        () = interrupted => {}
        // The parent is gone: nobody waits for what is in flight.
        _ = stdin_closed => std::process::exit(0),
    }
}

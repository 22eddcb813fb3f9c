//! `retrial dashboard`: the dashboard over a log.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::anyhow;
use retrial_config::DashboardConfig;
use retrial_dashboard::Listener;
use retrial_loop::failure::Failure;

/// Shows the runs of a log in a browser, finished ones and those in progress.
///
/// `retrial run` serves the same dashboard, with its current activity. Nothing is written to the log.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  retrial dashboard\n  \
    retrial dashboard --db other.db --listen 127.0.0.1:9000")]
pub struct Args {
    /// The log file
    #[arg(long, value_name = "FILE", default_value = "retrial.db")]
    db: PathBuf,
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// File with the access token: required for addresses beyond loopback
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Allow reading without a token: for a container whose port is published
    /// on the loopback interface only
    #[arg(long)]
    read_without_token: bool,
    /// Another host name of this machine that browsers may use, besides localhost and IP addresses
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    if !args.db.is_file() {
        return Err(Failure::Input(anyhow!(
            "there is no log {}\nhint: `retrial run` creates one; --db selects another",
            args.db.display()
        )));
    }
    let config = DashboardConfig {
        enabled: true,
        listen: args.listen,
        keep: true,
        token_file: args.token_file,
        read_without_token: args.read_without_token,
        hosts: args.hosts,
    };
    let listener = Listener::open(&config).await.map_err(Failure::input)?;
    let dashboard = listener.serve(&args.db, None).await.map_err(Failure::input)?;
    retrial_log::tell(&format!("dashboard of {} at {}", args.db.display(), dashboard.url()));
    dashboard.run().await?;
    Ok(())
}

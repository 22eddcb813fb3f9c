//! A run with its terminal: signals, progress, the dashboard, the final table.

use std::sync::Arc;

use anyhow::Result;
use retrial_config::Config;
use retrial_dashboard::{Dashboard, Listener};
use retrial_log::Format;
use retrial_loop::context::Context;
use retrial_loop::failure::Failure;
use retrial_loop::journal::Journal;
use retrial_loop::open::{Options, Run};
use retrial_loop::progress::Progress;
use retrial_loop::stop::Stop;
use retrial_loop::tracking::Tracking;
use retrial_loop::train::train;
use retrial_protocol::WeightVersion;
use tracing::Instrument as _;

/// Trains as the configuration says; resumes where an earlier process stopped. Prints the final
/// table unless told not to. Returns the last version.
pub async fn run(config: Config, options: Options, quiet: bool) -> Result<WeightVersion, Failure> {
    let span = tracing::error_span!("at", run = config.run.name);
    // A run is a large future, so it is boxed.
    Box::pin(watched(config, options, quiet)).instrument(span).await
}

async fn watched(config: Config, options: Options, quiet: bool) -> Result<WeightVersion, Failure> {
    let stop = Stop::on_signals()?;
    let listener = Listener::of_run(&config.dashboard).await.map_err(Failure::input)?;
    let recent = options.recent.clone();
    let run = Run::open(config, options).await?;
    let tracking = Tracking::start(&run, &recent).await?;
    let journal = Journal::begin(&run, &recent).await?;
    let Context { config, live, .. } = &run.context;
    let log = &config.run.database;
    let dashboard = match listener {
        Some(listener) => Some(listener.serve(log, Some(Arc::clone(live))).await?),
        None => None,
    };
    let mut progress = Progress::new(config, run.done, live);
    progress.track(tracking);
    if let Some(dashboard) = &dashboard {
        progress.watched_at(&dashboard.url());
    }
    let outcome = train(&run, &stop, &mut progress).await;
    progress.finish();
    let outcome = outcome.map(|(last, table)| {
        if !quiet {
            print(&table);
        }
        last
    });
    if let Some(tracking) = progress.take_tracking() {
        tracking.end(&outcome).await;
    }
    journal.end(&outcome).await;
    if matches!(outcome, Ok(_) | Err(Failure::Interrupted { .. })) {
        end(run, dashboard, &stop, &progress).await;
    }
    outcome
}

fn print(table: &str) {
    match retrial_log::format() {
        Format::Text => println!("{table}"),
        Format::Json => retrial_log::tell(table),
    }
}

/// Ends the processes of the run, and closes the log: all of it is in its one file then, unless
/// another process reads it. With `[dashboard] keep` the dashboard stays until a signal arrives.
async fn end(run: Run, dashboard: Option<Dashboard>, stop: &Stop, progress: &Progress) {
    let Context { config, store, live, services, .. } = run.context;
    drop(services);
    live.end();
    if let Some(dashboard) = dashboard {
        if config.dashboard.keep && !stop.requested() {
            progress.kept_open(&dashboard.url());
            stop.wait().await;
        }
        dashboard.close().await;
    }
    store.close().await;
}

//! `retrial`, the command line.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use retrial::commands::{check, dashboard, grade, mistakes, run, study};
use retrial::live::Recent;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Trains language models to reason by trial and error (LTE, arXiv 2510.26109).
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    Study(study::Args),
    Grade(grade::Args),
    Mistakes(mistakes::Args),
    Dashboard(dashboard::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let recent = Recent::default();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()));
    tracing_subscriber::registry()
        .with(lines)
        .with(recent.clone().with_filter(LevelFilter::WARN))
        .init();
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(args, recent).await,
        Command::Check(args) => check::run(args).await,
        Command::Study(args) => study::run(args).await,
        Command::Grade(args) => grade::run(&args),
        Command::Mistakes(args) => mistakes::run(args).await,
        Command::Dashboard(args) => dashboard::run(args).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

//! `retrial`, the command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use retrial::commands::{check, dashboard, eval, export, grade, mistakes, report, run, sql, study};
use retrial::failure::Failure;
use retrial::live::Recent;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;

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
    Eval(eval::Args),
    Grade(grade::Args),
    Mistakes(mistakes::Args),
    Sql(sql::Args),
    Report(report::Args),
    Export(export::Args),
    Dashboard(dashboard::Args),
}

/// Lets this process and those that it starts have as many files open as the system allows: each
/// request in flight is a connection, and the usual 1,024 are for programs that wait by `select`.
fn open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    // It goes on with what it has: the log says what could not be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

#[tokio::main]
async fn main() -> ExitCode {
    open_many_files();
    let recent = Recent::default();
    let listener = recent.clone().with_filter(LevelFilter::WARN).boxed();
    if let Err(error) = retrial_log::init("warn", Some(listener)) {
        return Failure::input(error).report();
    }
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(args, recent).await,
        Command::Check(args) => check::run(args).await,
        Command::Study(args) => study::run(args).await,
        Command::Eval(args) => eval::run(args).await,
        Command::Grade(args) => grade::run(&args),
        Command::Mistakes(args) => mistakes::run(args).await,
        Command::Sql(args) => sql::run(args).await,
        Command::Report(args) => report::run(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Dashboard(args) => dashboard::run(args).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

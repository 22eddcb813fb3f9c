//! `retrial`, the command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use retrial::commands::{
    check, dashboard, eval, export, grade, mistakes, prompts, report, run, sql, status, study,
};
use retrial_live::Recent;
use retrial_loop::failure::Failure;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;

/// Trains language models to reason by trial and error (LTE, arXiv 2510.26109).
#[derive(Parser)]
#[command(version = env!("RETRIAL_VERSION"), propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Status(status::Args),
    Check(check::Args),
    Study(study::Args),
    Eval(eval::Args),
    Grade(grade::Args),
    Prompts(prompts::Args),
    Mistakes(mistakes::Args),
    Sql(sql::Args),
    Report(report::Args),
    Export(export::Args),
    Dashboard(dashboard::Args),
}

fn main() -> ExitCode {
    // Before anything is set up: this process is to become another program.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == "sandbox") {
        return retrial_verify::sandbox::enter(arguments);
    }
    command_line()
}

#[tokio::main]
async fn command_line() -> ExitCode {
    let recent = Recent::default();
    let listener = recent.clone().with_filter(LevelFilter::WARN).boxed();
    if let Err(error) = retrial_log::init("warn", Some(listener)) {
        return Failure::input(error).report();
    }
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(args, recent).await,
        Command::Status(args) => status::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Study(args) => study::run(args).await,
        Command::Eval(args) => eval::run(args).await,
        Command::Grade(args) => grade::run(&args).await,
        Command::Prompts(args) => prompts::run(&args),
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

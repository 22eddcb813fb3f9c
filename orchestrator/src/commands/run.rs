//! `retrial run`: trains.

use std::path::PathBuf;

use retrial_config::Config;
use retrial_live::Recent;
use retrial_loop::failure::Failure;
use retrial_loop::fault::CrashPoint;
use retrial_loop::open::Options;

use crate::watched;

/// Trains a model according to a configuration.
///
/// Without `[server] urls` and `[trainer] url` it starts the embedded policy server and the trainer
/// itself. Progress goes to standard error, the final table to standard output.
#[derive(clap::Args)]
#[command(after_help = "Example: retrial run examples/dialects/lte.toml --set run.steps=20")]
pub struct Args {
    /// The configuration file (TOML)
    config: PathBuf,
    /// Overrides a key of the configuration, for example run.seed=2
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Continue the run of this name if the log has one
    #[arg(long)]
    resume: bool,
    /// Crash on purpose (for tests)
    #[arg(long, hide = true, value_name = "MOMENT@STEP")]
    crash_at: Option<CrashPoint>,
    /// Make the trainer crash on purpose (for tests)
    #[arg(long, hide = true, value_name = "POINT@STEP")]
    trainer_crash_at: Option<String>,
}

/// Runs the command. The program's warnings are collected in `recent`.
pub async fn run(args: Args, recent: Recent) -> Result<(), Failure> {
    let config = Config::load(&args.config, &args.overrides).map_err(Failure::input)?;
    let options = Options {
        resume: args.resume,
        crash: args.crash_at,
        trainer_crash: args.trainer_crash_at,
        recent,
    };
    watched::run(config, options, false).await.map(drop)
}

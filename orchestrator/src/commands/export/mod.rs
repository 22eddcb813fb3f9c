//! `retrial export`: parts of a log as files for other programs.

mod parquet;
mod push;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use retrial_hub::{Repo, Target};
use retrial_loop::failure::Failure;
use retrial_store::Session;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::log::{LogArgs, check_runs};

/// Exports mistakes as a data set, or the metrics of the steps.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  retrial export mistakes mistakes.parquet\n  \
    retrial export mistakes pairs.jsonl --run dialects-lte --rescued\n  \
    retrial export mistakes mistakes.parquet --push me/mistakes\n  \
    retrial export metrics metrics.jsonl --run dialects-lte")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// One row for each failed response, with the hint that followed and the response that rescued it
    Mistakes {
        #[command(flatten)]
        to: To,
        /// Only failures that a correct response replaced: pairs of a wrong and a right one
        #[arg(long)]
        rescued: bool,
        /// Push the file to this data set of the Hugging Face Hub, and create it if it does not exist
        #[arg(long, value_name = "OWNER/NAME")]
        push: Option<String>,
        /// Create the data set as private
        #[arg(long, requires = "push")]
        private: bool,
    },
    /// One line for each step with all its metrics and held-out scores, as W&B and `TensorBoard` read them
    Metrics {
        #[command(flatten)]
        to: To,
    },
}

#[derive(clap::Args)]
struct To {
    /// The file. `.jsonl`: a JSON object a line. `.parquet`: Parquet, of mistakes only. `-`: JSON lines
    /// to standard output
    file: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
    /// Only this run; can be given several times
    #[arg(long = "run", value_name = "RUN")]
    runs: Vec<String>,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs the command.
pub async fn run(args: Args) -> Result<(), Failure> {
    let (To { file, runs, log, .. }, count, things) = match &args.what {
        What::Mistakes { to, rescued, push, private } => {
            let target = push.as_ref().map(|name| target(to, name, *private)).transpose();
            let target = target.map_err(Failure::Input)?;
            let rows = write_mistakes(to, *rescued).await?;
            if let Some(target) = target {
                let facts = push::Facts { runs: &to.runs, rows, rescued: *rescued };
                let commit = push::push(&target, &to.file, &facts).await?;
                retrial_log::tell(&format!("pushed to {} at commit {commit}", target.name()));
            }
            (to, rows, "failed responses")
        }
        What::Metrics { to } => (to, write_metrics(to).await?, "steps"),
    };
    let of = if runs.is_empty() { String::new() } else { format!(" of {}", runs.join(", ")) };
    let (from, to) = (log.db.display(), file.display());
    retrial_log::tell(&format!("{count} {things}{of} from {from} to {to}"));
    Ok(())
}

fn target(to: &To, name: &str, private: bool) -> Result<Target> {
    ensure!(to.file != Path::new("-"), "--push needs a file, and - is not one");
    Ok(Target::new(Repo::dataset(name)?, private)?)
}

/// Formats of files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Lines,
    Parquet,
}

impl Format {
    /// The file extension.
    fn extension(self) -> &'static str {
        match self {
            Self::Lines => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// Formats of failed responses, and of metrics.
const OF_MISTAKES: &[Format] = &[Format::Lines, Format::Parquet];
const OF_METRICS: &[Format] = &[Format::Lines];

impl To {
    /// The format that the file's name implies, out of those that are possible. An existing file is
    /// an error, unless it may be overwritten.
    fn format(&self, formats: &[Format]) -> Result<Format> {
        let file = &self.file;
        if file == Path::new("-") {
            return Ok(Format::Lines);
        }
        let extension = file.extension().and_then(|extension| extension.to_str());
        let chosen = formats.iter().find(|format| Some(format.extension()) == extension);
        let names: Vec<_> =
            formats.iter().map(|format| format!(".{}", format.extension())).collect();
        let chosen = chosen.with_context(|| {
            format!(
                "{} has no extension of a known format\nhint: use {}",
                file.display(),
                names.join(" or ")
            )
        })?;
        ensure!(
            self.force || !file.exists(),
            "{} exists already\nhint: --force overwrites it",
            file.display()
        );
        Ok(*chosen)
    }
}

async fn write_mistakes(to: &To, rescued: bool) -> Result<usize, Failure> {
    let format = to.format(OF_MISTAKES).map_err(Failure::Input)?;
    let mut log = to.open().await?;
    let write = async |out: &mut (dyn Write + Send)| {
        let mut view = log.view();
        let mut failures = view.failures(&to.runs, rescued);
        let mut count = 0;
        match format {
            Format::Lines => {
                let mut out = BufWriter::new(out);
                while let Some(failure) = failures.next().await? {
                    line(&mut out, &failure)?;
                    count += 1;
                }
                out.flush()?;
            }
            Format::Parquet => {
                let mut sheet = parquet::Sheet::begin(out)?;
                while let Some(failure) = failures.next().await? {
                    sheet.add(failure)?;
                    count += 1;
                }
                sheet.end()?;
            }
        }
        Ok(count)
    };
    Ok(into(&to.file, write).await?)
}

async fn write_metrics(to: &To) -> Result<usize, Failure> {
    to.format(OF_METRICS).map_err(Failure::Input)?;
    let mut log = to.open().await?;
    let steps = log.view().step_metrics(&to.runs).await?;
    let write = async |out: &mut (dyn Write + Send)| {
        let mut out = BufWriter::new(out);
        steps.iter().try_for_each(|step| line(&mut out, step))?;
        out.flush()?;
        Ok(steps.len())
    };
    Ok(into(&to.file, write).await?)
}

impl To {
    async fn open(&self) -> Result<Session, Failure> {
        let mut log = self.log.open().await.map_err(Failure::Input)?;
        check_runs(&mut log, &self.log.db, &self.runs).await.map_err(Failure::Input)?;
        Ok(log)
    }
}

fn line(out: &mut impl Write, row: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    Ok(out.write_all(b"\n")?)
}

/// Writes a file completely or not at all; `-` is standard output.
async fn into<T>(
    file: &Path,
    write: impl AsyncFnOnce(&mut (dyn Write + Send)) -> Result<T>,
) -> Result<T> {
    if file == Path::new("-") {
        return write(&mut io::stdout()).await;
    }
    let failed = || format!("cannot write {}", file.display());
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut begun: NamedTempFile<File> =
        NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(failed)?;
    let written = write(begun.as_file_mut()).await.with_context(failed)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    begun.as_file().set_permissions(mode).with_context(failed)?;
    begun.persist(file).with_context(failed)?;
    Ok(written)
}

#[cfg(test)]
mod tests;

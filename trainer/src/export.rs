//! Export of a version as a plain Hugging Face model folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use retrial_hub::Target;
use tch::{Device, Kind};

use crate::compute::Precision;
use crate::model::{Decoder, sync_folder, write_tensors};
use crate::push::{CARD, card_of_run, plain_card, push};
use crate::versions::{copy_description, masters_of, room};

/// What is exported, and where to.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Folder of the weight version.
    #[arg(long)]
    pub version: PathBuf,
    /// Folder for the model; must not exist, or be empty.
    #[arg(long)]
    pub out: PathBuf,
    /// Data type of the weights.
    #[arg(long, value_enum, default_value_t = Precision::Bf16)]
    pub precision: Precision,
}

/// Reads the version, in f32 if it has f32 weights.
pub fn open(args: &Args) -> Result<Decoder> {
    check_free(&args.out)?;
    Ok(match masters_of(&args.version)? {
        Some(mut masters) => {
            Decoder::load_shards(&args.version, &mut masters, (Kind::Float, Device::Cpu))?
        }
        None => Decoder::load(&args.version, Device::Cpu)?,
    })
}

/// Writes the model with its model card, and pushes it if requested.
pub fn run(args: &Args, target: Option<&Target>, model: &Decoder) -> Result<()> {
    let Args { version, out, precision } = args;
    write(model, version, out, precision.kind())?;
    let card = out.join(CARD);
    let written = match card_of_run(version) {
        Some(of_run) => std::fs::copy(of_run, &card).map(drop),
        None => std::fs::write(&card, plain_card(version)),
    };
    written.with_context(|| format!("cannot write {}", card.display()))?;
    if let Some(target) = target {
        let commit = push(target, out)?;
        tracing::info!(commit, "pushed {} to {}", out.display(), target.name());
    }
    Ok(())
}

/// Fails if the folder exists and is not empty.
pub fn check_free(folder: &Path) -> Result<()> {
    let free =
        std::fs::read_dir(folder).map_or(!folder.exists(), |mut entries| entries.next().is_none());
    ensure!(free, "{} exists and is not empty", folder.display());
    Ok(())
}

/// Writes the complete folder or nothing. Files other than weights are copied from `source`.
pub fn write(model: &Decoder, source: &Path, out: &Path, kind: Kind) -> Result<()> {
    let bytes = (model.size() * kind.elt_size_in_bytes()) as u64;
    folder(out, bytes, |folder| write_model(model, source, folder, kind))
}

/// Writes a model into a folder, and flushes it.
pub fn write_model(model: &Decoder, source: &Path, folder: &Path, kind: Kind) -> Result<()> {
    copy_description(source, folder)?;
    write_tensors(&folder.join("model.safetensors"), model.parameters(), kind)?;
    Ok(sync_folder(folder)?)
}

/// Makes the folder `out` of what `fill` writes, under a temporary name until it is complete.
pub fn folder(out: &Path, bytes: u64, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    room(parent, bytes)?;
    let name = out.file_name().context("--out must name a folder")?.to_string_lossy();
    let temporary = parent.join(format!(".{name}.tmp"));
    if temporary.exists() {
        std::fs::remove_dir_all(&temporary)
            .with_context(|| format!("cannot remove {}", temporary.display()))?;
    }
    std::fs::create_dir(&temporary)
        .with_context(|| format!("cannot make {}", temporary.display()))?;
    fill(&temporary)?;
    std::fs::rename(&temporary, out).with_context(|| format!("cannot make {}", out.display()))?;
    Ok(sync_folder(parent)?)
}

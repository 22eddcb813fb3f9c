//! The folder of the trained model: a whole model, or an adapter.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tch::{Device, Kind};

use super::metrics::NAME;
use crate::export;
use crate::model::{Decoder, lora, sync_folder};
use crate::update::Learner;
use crate::versions::copy_description;

/// Writes the complete folder `out` or nothing. Weights have the type of the computation, adapters are
/// f32. Files other than weights are copied from `source`, the metrics from `partial`.
pub(super) fn write(
    learner: &Learner,
    merge: bool,
    source: &Path,
    partial: &Path,
    out: &Path,
) -> Result<()> {
    let (model, kind) = (&learner.model, learner.compute.kind);
    let merged = match model.adapter() {
        Some(adapter) if merge => {
            let folder = partial.join("adapter");
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            lora::write(adapter, &folder)?;
            Some(Decoder::load(&folder, Device::Cpu)?)
        }
        _ => None,
    };
    let whole = merged.as_ref().or(model.adapter().is_none().then_some(model));
    let bytes = match (whole, model.adapter()) {
        (Some(model), _) => model.size() * kind.elt_size_in_bytes(),
        (None, adapter) => {
            let tensors = adapter.into_iter().flat_map(|adapter| &adapter.parameters);
            tensors.map(|(_, tensor)| tensor.numel()).sum::<usize>()
                * Kind::Float.elt_size_in_bytes()
        }
    };
    export::folder(out, bytes as u64, |folder| {
        match (whole, model.adapter()) {
            (None, Some(adapter)) => {
                copy_description(source, folder)?;
                lora::write(adapter, folder)?;
            }
            (whole, _) => export::write_model(whole.unwrap_or(model), source, folder, kind)?,
        }
        let copy = folder.join(NAME);
        fs::copy(partial.join(NAME), &copy)
            .and_then(|_| fs::File::open(&copy)?.sync_all())
            .with_context(|| format!("cannot write {}", copy.display()))?;
        Ok(sync_folder(folder)?)
    })
}

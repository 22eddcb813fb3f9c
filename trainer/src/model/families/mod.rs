//! The families of models: each in a file of its own, which says where it differs from a plain
//! decoder.

mod gemma3;
mod llama;
mod mistral;
mod olmo2;
mod qwen2;
mod qwen3;
mod qwen3_moe;
mod smollm3;

use super::config::ModelConfig;
use super::raw::RawConfig;

/// A family of models.
pub(super) struct Family {
    /// Its `model_type`.
    pub name: &'static str,
    /// What a configuration without `rope_theta` means.
    pub theta: f64,
    /// What one without `tie_word_embeddings` means.
    pub tied: bool,
    /// What one without `rms_norm_eps` means.
    pub epsilon: f64,
    /// What one without `head_dim` means; absent, the heads share the hidden width.
    pub head_width: Option<i64>,
    /// Sets what differs from a plain decoder.
    pub differ: fn(&RawConfig, &mut ModelConfig) -> Result<(), String>,
}

/// What most families have in common.
const PLAIN: Family = Family {
    name: "",
    theta: 10_000.0,
    tied: false,
    epsilon: 1e-6,
    head_width: None,
    differ: |_, _| Ok(()),
};

/// All families.
const ALL: [Family; 8] = [
    gemma3::FAMILY,
    llama::FAMILY,
    mistral::FAMILY,
    olmo2::FAMILY,
    qwen2::FAMILY,
    qwen3::FAMILY,
    qwen3_moe::FAMILY,
    smollm3::FAMILY,
];

/// The family of this `model_type`.
pub(super) fn of(name: &str) -> Option<&'static Family> {
    ALL.iter().find(|family| family.name == name)
}

/// The names of all families.
pub(super) fn names() -> String {
    ALL.map(|family| family.name).join(", ")
}

/// Sets the windows of all layers.
fn set_windows(config: &mut ModelConfig, windows: Vec<Option<i64>>) {
    for (kind, window) in config.kinds.iter_mut().zip(windows) {
        kind.window = window;
    }
}

/// The windows of Qwen: the layers from `max_window_layers` on slide, if `use_sliding_window`.
fn set_qwen_windows(raw: &RawConfig, config: &mut ModelConfig) -> Result<(), String> {
    let window = raw.integer("sliding_window").unwrap_or(4096);
    let window = raw.switch("use_sliding_window").then_some(window);
    let first = raw.integer("max_window_layers").unwrap_or(28);
    let windows = raw.windows(window, |layer| layer as i64 >= first)?;
    set_windows(config, windows);
    Ok(())
}

//! What a family of models is, and what several have in common.

use crate::model::config::ModelConfig;
use crate::model::raw::RawConfig;

/// A family of models.
pub struct Family {
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
pub const PLAIN: Family = Family {
    name: "",
    theta: 10_000.0,
    tied: false,
    epsilon: 1e-6,
    head_width: None,
    differ: |_, _| Ok(()),
};

/// Sets the windows of all layers.
pub fn set_windows(config: &mut ModelConfig, windows: Vec<Option<i64>>) {
    for (kind, window) in config.kinds.iter_mut().zip(windows) {
        kind.window = window;
    }
}

/// The windows of Qwen: the layers from `max_window_layers` on slide, if `use_sliding_window`.
pub fn set_qwen_windows(raw: &RawConfig, config: &mut ModelConfig) -> Result<(), String> {
    let window = raw.integer("sliding_window").unwrap_or(4096);
    let window = raw.switch("use_sliding_window").then_some(window);
    let first = raw.integer("max_window_layers").unwrap_or(28);
    let windows = raw.windows(window, |layer| layer as i64 >= first)?;
    set_windows(config, windows);
    Ok(())
}

//! What a configuration says of the rotary embedding.

use serde::Deserialize;
use serde_json::Value;

use super::config::{Llama3Scaling, Rope, Scaling, YarnScaling};
use super::families::Family;
use super::raw::RawConfig;

/// The rotary embedding of a configuration.
///
/// transformers 5 writes all settings into `rope_parameters`, for each type of layer where they
/// differ; transformers 4 wrote `rope_theta` and `rope_scaling`.
pub(super) fn rope(raw: &RawConfig, family: &Family) -> Result<Rope, String> {
    let settings = raw.get("rope_parameters").or(raw.get("rope_scaling")).unwrap_or(&Value::Null);
    let settings = settings.get("full_attention").unwrap_or(settings);
    let number = |key: &str| settings.get(key).and_then(Value::as_f64);
    let theta = number("rope_theta").or(raw.number("rope_theta")).unwrap_or(family.theta);
    let partial = number("partial_rotary_factor").or(raw.number("partial_rotary_factor"));
    if partial.is_some_and(|part| part != 1.0) {
        return Err("partial_rotary_factor is not supported".into());
    }
    let text = |key: &str| settings.get(key).and_then(Value::as_str);
    let factor = || {
        number("factor")
            .filter(|&factor| factor > 0.0)
            .ok_or_else(|| incomplete("missing field `factor`"))
    };
    let scaling = match text("rope_type").or(text("type")) {
        None | Some("default") => Scaling::None,
        Some("linear") => Scaling::Linear(factor()?),
        // It scales what is longer than the context, and no sequence here is.
        Some("dynamic") => factor().map(|_| Scaling::None)?,
        Some("llama3") => Scaling::Llama3(
            Llama3Scaling::deserialize(settings).map_err(|e| incomplete(&e.to_string()))?,
        ),
        Some("yarn") => Scaling::Yarn(yarn(raw, factor()?, number, settings)),
        Some(other) => return Err(format!("rotary scaling `{other}` is not supported")),
    };
    Ok(Rope { theta, scaling })
}

fn incomplete(problem: &str) -> String {
    format!("the rotary scaling is not complete: {problem}")
}

fn yarn(
    raw: &RawConfig,
    factor: f64,
    number: impl Fn(&str) -> Option<f64>,
    settings: &Value,
) -> YarnScaling {
    let context = raw.max_position_embeddings as f64;
    let sharpness = |scale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * scale * factor.ln() + 1.0 };
    let given = |key: &str| number(key).filter(|&value| value != 0.0);
    let attention_factor = number("attention_factor").unwrap_or_else(|| {
        match (given("mscale"), given("mscale_all_dim")) {
            (Some(scale), Some(all)) => sharpness(scale) / sharpness(all),
            _ => sharpness(1.0),
        }
    });
    YarnScaling {
        factor,
        attention_factor,
        beta_fast: given("beta_fast").unwrap_or(32.0),
        beta_slow: given("beta_slow").unwrap_or(1.0),
        original_context: raw
            .number("original_max_position_embeddings")
            .or(number("original_max_position_embeddings"))
            .unwrap_or(context),
        truncate: settings.get("truncate").and_then(Value::as_bool).unwrap_or(true),
    }
}

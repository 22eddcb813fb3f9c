//! Settings out of range.

/// A setting out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{key}` is {value}, it must be {range}")]
pub struct InvalidObjective {
    /// The setting.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// Its range.
    pub range: &'static str,
}

/// Every number must be finite: JSON cannot express infinity.
pub(crate) fn check(
    key: &'static str,
    value: f64,
    range: &'static str,
    holds: bool,
) -> Result<(), InvalidObjective> {
    match value.is_finite() {
        true if holds => Ok(()),
        true => Err(InvalidObjective { key, value, range }),
        false => Err(InvalidObjective { key, value, range: "a finite number" }),
    }
}

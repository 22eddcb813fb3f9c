//! Settings outside their range.

/// A setting outside its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{key}` is {value}, it must be {range}")]
pub struct InvalidObjective {
    /// The setting.
    pub key: &'static str,
    /// Its value.
    pub value: f64,
    /// What it may be.
    pub range: &'static str,
}

/// No number may be infinite: JSON, in which the trainer gets them, has none that are.
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

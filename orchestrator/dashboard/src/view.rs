//! How charts are looked at, in a query.

use maud::{Markup, html};
use retrial_report::{Axis, Scale, View};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::ApiError;

/// Longest smoothing, places.
const MOST: u32 = 10_000;

const SCALES: [(&str, Scale, &str); 4] = [
    ("", Scale::Auto, "its own"),
    ("full", Scale::Full, "from 0"),
    ("fitted", Scale::Fitted, "fitted"),
    ("log", Scale::Log, "log"),
];
const AXES: [(&str, Axis, &str); 3] = [
    ("", Axis::Step, "step"),
    ("tokens", Axis::Tokens, "sampled tokens"),
    ("time", Axis::Time, "time"),
];

/// How charts are looked at; missing or empty parameters leave them as they are.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ViewQuery {
    /// The vertical axis: `full` with 0 (and 1 for shares), `fitted` from the least to the greatest number,
    /// `log`; without one each panel's own.
    pub scale: String,
    /// Places that lines are smoothed over, as an exponential mean.
    pub smooth: String,
    /// The horizontal axis: `tokens` sampled so far, `time` in seconds; without one steps.
    pub x: String,
}

impl ViewQuery {
    /// The view.
    pub fn view(&self) -> Result<View, ApiError> {
        let smooth = (!self.smooth.is_empty()).then(|| {
            let span = self.smooth.parse().ok().filter(|span| (1..=MOST).contains(span));
            span.ok_or_else(|| {
                let given = &self.smooth;
                ApiError::Bad(format!(
                    "`smooth` is `{given}`, it must be a number from 1 to {MOST}"
                ))
            })
        });
        Ok(View {
            scale: chosen("scale", &self.scale, &SCALES)?,
            smooth: smooth.transpose()?,
            axis: chosen("x", &self.x, &AXES)?,
        })
    }

    /// The parameters of a URL.
    pub fn pairs(&self) -> [(&str, &str); 3] {
        [("scale", &self.scale), ("smooth", &self.smooth), ("x", &self.x)]
    }

    /// The form for it; `kept` are parameters that stay.
    pub fn form(&self, action: &str, kept: &[(&str, &str)]) -> Markup {
        html! {
            form.filters action=(action) aria-label="Charts" {
                @for (name, value) in kept { input type="hidden" name=(name) value=(value); }
                label { "scale " select name="scale" { (options(&self.scale, &SCALES)) } }
                label { "over " select name="x" { (options(&self.x, &AXES)) } }
                label { "smoothed over " input.few type="number" min="1" name="smooth" value=(self.smooth); }
                button { "Show" }
            }
        }
    }
}

fn chosen<T: Copy>(name: &str, given: &str, all: &[(&str, T, &str)]) -> Result<T, ApiError> {
    let found = all.iter().find(|(word, ..)| *word == given).map(|(_, value, _)| *value);
    found.ok_or_else(|| {
        let words: Vec<&str> = all.iter().skip(1).map(|(word, ..)| *word).collect();
        ApiError::Bad(format!("`{name}` is `{given}`, it may be {}", words.join(", ")))
    })
}

fn options<T>(given: &str, all: &[(&str, T, &str)]) -> Markup {
    html! {
        @for (word, _, shown) in all { option value=(word) selected[*word == given] { (shown) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused() {
        let query = |scale: &str, smooth: &str| ViewQuery {
            scale: scale.into(),
            smooth: smooth.into(),
            x: String::new(),
        };
        let error = query("ln", "").view().unwrap_err().to_string();
        assert_eq!(error, "`scale` is `ln`, it may be full, fitted, log");
        for span in ["0", "-1", "many", "10001"] {
            assert!(query("", span).view().is_err(), "{span}");
        }
        assert_eq!(query("log", "7").view().unwrap().smooth, Some(7));
    }
}

//! Settings that differ between runs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SettingLine {
    /// The key, `table.key`.
    pub key: String,
    /// Its value in each run; none if a run does not have it.
    pub values: Vec<Option<String>>,
}

/// The settings that differ, by key, from model and configuration.
pub fn settings(runs: &[(&str, &Value)]) -> Vec<SettingLine> {
    let mut values: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for (place, (model, config)) in runs.iter().enumerate() {
        let mut add = |key: String, value: String| {
            values.entry(key).or_insert_with(|| vec![None; runs.len()])[place] = Some(value);
        };
        add("model".into(), (*model).to_owned());
        flatten(String::new(), config, &mut add);
    }
    values
        .into_iter()
        .filter(|(key, values)| key != "run.name" && values.iter().any(|value| *value != values[0]))
        .map(|(key, values)| SettingLine { key, values })
        .collect()
}

fn flatten(path: String, value: &Value, add: &mut impl FnMut(String, String)) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(path, value, add);
            }
        }
        Value::String(text) => add(path, text.clone()),
        other => add(path, other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_listed() {
        let runs = [
            json!({"run": {"name": "a", "seed": 1}, "rollout": {"group": 8}}),
            json!({"run": {"name": "b", "seed": 2}, "rollout": {"group": 8, "extra": 4}}),
        ];
        let runs = [("base", &runs[0]), ("base", &runs[1])];
        let found = settings(&runs);
        let line = |key: &str, values: [Option<&str>; 2]| SettingLine {
            key: key.into(),
            values: values.map(|value| value.map(str::to_owned)).into(),
        };
        assert_eq!(
            found,
            [line("rollout.extra", [None, Some("4")]), line("run.seed", [Some("1"), Some("2")]),]
        );
    }
}

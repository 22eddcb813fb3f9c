//! How two configurations differ.

use serde_json::Value;

/// The keys whose values differ, as `table.key: before -> after`, joined by semicolons.
pub fn difference(before: &Value, after: &Value) -> String {
    let mut found = Vec::new();
    collect("", before, after, &mut found);
    found.join("; ")
}

fn collect(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        if before != after {
            found.push(format!("{path}: {before} -> {after}"));
        }
        return;
    };
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        collect(&path, &before[key], &after[key], found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_changed_key_is_listed() {
        let before = json!({"run": {"seed": 1, "method": "lte"}, "old": 1});
        let after = json!({"run": {"seed": 2, "method": "lte"}, "new": true});
        let shown = difference(&before, &after);
        assert_eq!(shown, "old: 1 -> null; run.seed: 1 -> 2; new: null -> true");
        assert_eq!(difference(&before, &before), "");
    }
}

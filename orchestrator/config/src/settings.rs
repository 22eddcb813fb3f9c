//! The settings that decide a run's result: the log keeps them, and a resumed run must have the same.

use retrial_domain::{RewardConfig, Truncated};

use crate::config::Config;

impl Config {
    /// The settings that decide a run's result, as JSON. A run is resumed only with the same ones;
    /// other keys (how long, how fast, where) may change.
    pub fn settings(&self) -> serde_json::Value {
        let mut settings = serde_json::to_value(self).expect("a configuration is plain data");
        if let Some(tables) = settings.as_object_mut() {
            tables.remove("dashboard");
            tables.remove("log");
            tables.remove("track");
        }
        settings["server"]["tolerance"] = self.tolerance().into();
        settings["reward"] = deciding(&self.reward);
        for (table, keys) in [
            ("run", &["steps", "max_tokens", "keep", "database", "folder"][..]),
            (
                "server",
                &[
                    "urls",
                    "workers",
                    "api_key_env",
                    "headers",
                    "ca_file",
                    "start_seconds",
                    "model",
                    "concurrency",
                    "max_sequences",
                    "push",
                    "timeout_seconds",
                    "push_timeout_seconds",
                    "stall_seconds",
                    "error_budget",
                    "patience_seconds",
                    "verify_tokens",
                ][..],
            ),
            (
                "trainer",
                &["url", "ranks", "rank_timeout_seconds", "timeout_seconds", "start_seconds"][..],
            ),
        ] {
            if let Some(table) = settings[table].as_object_mut() {
                table.retain(|key, _| !keys.contains(&key.as_str()));
            }
        }
        settings
    }

    /// Whether recorded settings are older than `[reward]`: truncated responses were failures then,
    /// regardless of their text, also in a resumed run.
    pub fn fails_what_is_cut(recorded: &serde_json::Value) -> bool {
        recorded.is_object() && recorded.get("reward").is_none()
    }

    /// The settings without the names of model and data: a run that knows what it was trained on may find
    /// them elsewhere.
    pub fn without_places(mut settings: serde_json::Value) -> serde_json::Value {
        if let Some(tables) = settings.as_object_mut() {
            tables.remove("data");
            tables.remove("model");
        }
        settings
    }

    /// Recorded settings, with newer keys at their defaults: what a
    /// release did before there was a key stays the default.
    pub fn completed(mut recorded: serde_json::Value) -> serde_json::Value {
        const LEAST: &str = "[run]\nname = \"\"\nmethod = \"lte\"\nsteps = 1\n\
                             [model]\npath = \"\"\n[data]\ntrain = \"\"\n";
        let defaults: Self = toml::from_str(LEAST).expect("this is all that has no default");
        if Self::fails_what_is_cut(&recorded)
            && let Some(tables) = recorded.as_object_mut()
        {
            let mut reward = defaults.reward.clone();
            reward.truncated = Truncated::Fail;
            let reward = serde_json::to_value(reward).expect("settings are plain data");
            tables.insert("reward".into(), reward);
        }
        let serde_json::Value::Object(defaults) = defaults.settings() else { return recorded };
        for (table, keys) in defaults {
            let Some(recorded) = recorded.as_object_mut() else { break };
            // It is compared as a whole, because its keys depend on its kind.
            if table == "reward" && recorded.contains_key(&table) {
                continue;
            }
            let recorded = recorded.entry(table).or_insert_with(|| serde_json::json!({}));
            if let (Some(recorded), serde_json::Value::Object(keys)) =
                (recorded.as_object_mut(), keys)
            {
                for (key, value) in keys {
                    recorded.entry(key).or_insert(value);
                }
            }
        }
        recorded
    }
}

/// The part of `[reward]` that decides rewards, as JSON.
pub fn deciding(reward: &RewardConfig) -> serde_json::Value {
    let mut settings = serde_json::to_value(reward).expect("settings are plain data");
    forget_means(&mut settings);
    settings
}

/// Removes from `[reward]` where a verifier is and how fast, in nested tables too.
fn forget_means(reward: &mut serde_json::Value) {
    const MEANS: [&str; 8] = [
        "folder",
        "url",
        "api_key_env",
        "headers",
        "batch",
        "python",
        "workers",
        "timeout_seconds",
    ];
    let Some(table) = reward.as_object_mut() else { return };
    table.retain(|key, value| value.is_object() && key != "headers" || !MEANS.contains(&&**key));
    table.values_mut().for_each(forget_means);
}

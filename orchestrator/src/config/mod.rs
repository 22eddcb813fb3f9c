//! The configuration of a run: one TOML file, every key documented in `docs/config.toml`.
//!
//! [`Config::load`] reads the file, applies `--set` overrides and checks everything that can be
//! checked without touching the network. What it returns is valid. Paths of inputs (model, data)
//! are relative to the file, paths of outputs (database, weights) to the working directory.

mod dashboard;
mod data;
mod diff;
mod error;
mod log;
mod overrides;
mod trainer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use retrial_lte::{MaxReplacements, Memory, Method, Overlong, Templates};
use retrial_protocol::{Access, Objective, Optimizer, Transfer};
use serde::{Deserialize, Serialize};

pub use dashboard::DashboardConfig;
pub use data::{DataConfig, HeldOut};
pub use diff::difference;
pub use error::ConfigError;
pub use log::LogConfig;
pub use trainer::{Precision, TrainerConfig};

/// A valid configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What is trained, by which method, how long.
    pub run: RunConfig,
    /// The policy to begin with.
    pub model: ModelConfig,
    /// The problems.
    pub data: DataConfig,
    /// How responses are sampled.
    #[serde(default)]
    pub rollout: RolloutConfig,
    /// What a hint lists.
    #[serde(default)]
    pub hint: HintConfig,
    /// The words of the prompts.
    #[serde(default)]
    pub prompts: Templates,
    /// What an update maximises.
    #[serde(default)]
    pub objective: Objective,
    /// How.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Held-out evaluation.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
    /// Where rollouts come from.
    #[serde(default)]
    pub server: ServerConfig,
    /// Where updates are made.
    #[serde(default)]
    pub trainer: TrainerConfig,
    /// What stays in the log.
    #[serde(default)]
    pub log: LogConfig,
    /// Where a person looks at the run.
    #[serde(default)]
    pub dashboard: DashboardConfig,
}

/// `[run]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The run's name, unique in the database.
    pub name: String,
    /// How none-pass problems are treated.
    pub method: Method,
    /// Training steps.
    pub steps: u64,
    /// Response tokens after which the run ends, before its last step.
    pub max_tokens: Option<u64>,
    /// Everything random follows from it.
    #[serde(default)]
    pub seed: u64,
    /// The mistake log.
    #[serde(default = "default_database")]
    pub database: PathBuf,
    /// Folder of the run's weights: `FOLDER/NAME/v000001`, ...
    #[serde(default = "default_folder")]
    pub folder: PathBuf,
    /// Versions of the weights to keep on disk.
    #[serde(default = "default_keep")]
    pub keep: usize,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// A Hugging Face folder: config.json, model.safetensors, tokenizer.json and
    /// `tokenizer_config.json` with a chat template.
    pub path: PathBuf,
}

/// `[rollout]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolloutConfig {
    /// Problems a step.
    pub problems: usize,
    /// Rollouts of a problem in the first trial: G.
    pub group: u32,
    /// Extra rollouts of a none-pass problem.
    pub extra: u32,
    /// How many failures of a group may be replaced by correct extra rollouts.
    pub max_replacements: MaxReplacements,
    /// How many versions the weights that sample may be behind the trainer's: 0 or 1.
    pub max_staleness: u64,
    /// Most tokens of a response.
    pub max_tokens: usize,
    /// What becomes of responses that run into the limit.
    pub overlong: Overlong,
    /// Leaves groups without advantage out of the batch, so that their tokens count nowhere. The
    /// second trial comes first.
    pub dynamic_sampling: bool,
    /// Sampling temperature. Nucleus and top-k sampling are off while training: the trainer's
    /// log-probs are those of the full distribution.
    pub temperature: f64,
}

/// `[evaluation]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Steps between evaluations; 0 evaluates before the first and after the last step only.
    pub every: u64,
    /// Samples a problem: k of Pass@k.
    pub k: u32,
    /// Sampling temperature.
    pub temperature: f64,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Base URLs of vLLM or `SGLang` servers; without any the embedded one is started.
    pub urls: Vec<String>,
    /// The servers behind the only one of `urls`, which is a router: they get the weights.
    pub workers: Vec<String>,
    /// The variable of the environment that has the servers' key.
    pub api_key_env: Option<String>,
    /// Further headers of each request to a server; `env:NAME` is the value of a variable.
    pub headers: BTreeMap<String, String>,
    /// Certificates that are trusted beside the system's, a PEM file.
    pub ca_file: Option<PathBuf>,
    /// The model's name there.
    pub model: String,
    /// Requests in flight to each server.
    pub concurrency: usize,
    /// Failed rollout requests between two pushes of weights, after which the run stops.
    pub error_budget: u32,
    /// How long a run waits for a server to come back, seconds.
    pub patience_seconds: u64,
    /// Sequences that the embedded server samples side by side.
    pub max_sequences: usize,
    /// How new weights get to the servers.
    pub push: Transfer,
    /// Deadline of a rollout request, seconds.
    pub timeout_seconds: u64,
    /// Deadline of each call that gives a server new weights, seconds.
    pub push_timeout_seconds: u64,
    /// Silence of a server that owes answers after which the run says what it waits for, seconds.
    pub stall_seconds: u64,
    /// Largest difference between the server's and the trainer's log-probability of a token that
    /// passes the check after each push of weights, nats.
    pub tolerance: f64,
}

impl ServerConfig {
    /// Requests in flight to all servers.
    pub fn requests(&self) -> usize {
        self.concurrency * self.urls.len().max(self.workers.len()).max(1)
    }

    /// How the servers let the run and the trainer in.
    pub fn access(&self) -> Access {
        Access {
            api_key_env: self.api_key_env.clone(),
            headers: self.headers.clone(),
            ca_file: self.ca_file.clone(),
        }
    }
}

/// `[hint]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HintConfig {
    /// Which wrong answers are listed.
    pub memory: Memory,
}

impl Default for RolloutConfig {
    fn default() -> Self {
        Self {
            problems: 128,
            group: 8,
            extra: 8,
            max_replacements: MaxReplacements::default(),
            max_staleness: 0,
            max_tokens: 8192,
            overlong: Overlong::default(),
            dynamic_sampling: false,
            temperature: 1.0,
        }
    }
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every: 10, k: 8, temperature: 1.0 }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            workers: Vec::new(),
            api_key_env: None,
            headers: BTreeMap::new(),
            ca_file: None,
            model: "policy".into(),
            concurrency: 64,
            error_budget: 100,
            patience_seconds: 600,
            max_sequences: 128,
            push: Transfer::Disk,
            timeout_seconds: 1800,
            push_timeout_seconds: 600,
            stall_seconds: 300,
            tolerance: 1e-4,
        }
    }
}

fn default_database() -> PathBuf {
    "retrial.db".into()
}

fn default_folder() -> PathBuf {
    "runs".into()
}

fn default_keep() -> usize {
    3
}

impl Config {
    /// Reads and checks the file at `path` with `key=value` overrides.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let mut config = overrides::parse(path, &text, overrides)?;
        let base = path.parent().unwrap_or(Path::new(""));
        for input in std::iter::once(&mut config.model.path)
            .chain(std::iter::once(&mut config.data.train))
            .chain(config.data.heldout.values_mut())
            .chain(config.data.benchmarks.values_mut())
            .chain(&mut config.dashboard.token_file)
            .chain(&mut config.server.ca_file)
        {
            *input = base.join(&*input);
        }
        config.check().map_err(|problem| ConfigError::Invalid { path: path.into(), problem })?;
        Ok(config)
    }

    /// The folder of the run's weights.
    pub fn weights(&self) -> PathBuf {
        self.run.folder.join(&self.run.name)
    }

    /// The objective, with what follows from the rest of the configuration.
    pub fn objective(&self) -> Objective {
        let mut objective = self.objective.clone();
        objective.length_divisor.get_or_insert(self.rollout.max_tokens as f64);
        objective
    }

    /// The settings that decide a run's result, as JSON. A run is resumed only with the same ones;
    /// what is left out (how long, how fast, where) may change.
    pub fn settings(&self) -> serde_json::Value {
        let mut settings = serde_json::to_value(self).expect("a configuration is plain data");
        if let Some(tables) = settings.as_object_mut() {
            tables.remove("dashboard");
            tables.remove("log");
        }
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
                    "model",
                    "concurrency",
                    "max_sequences",
                    "push",
                    "timeout_seconds",
                    "push_timeout_seconds",
                    "stall_seconds",
                    "error_budget",
                    "patience_seconds",
                ][..],
            ),
            ("trainer", &["url", "ranks", "rank_timeout_seconds", "timeout_seconds"][..]),
        ] {
            if let Some(table) = settings[table].as_object_mut() {
                table.retain(|key, _| !keys.contains(&key.as_str()));
            }
        }
        settings
    }

    /// Recorded settings with the keys that are newer than they are, at their defaults: what a
    /// release did before it could be chosen stays the default.
    pub fn completed(mut recorded: serde_json::Value) -> serde_json::Value {
        const LEAST: &str = "[run]\nname = \"\"\nmethod = \"lte\"\nsteps = 1\n\
                             [model]\npath = \"\"\n[data]\ntrain = \"\"\n";
        let defaults: Self = toml::from_str(LEAST).expect("this is all that has no default");
        let serde_json::Value::Object(defaults) = defaults.settings() else { return recorded };
        for (table, keys) in defaults {
            let Some(recorded) = recorded.as_object_mut() else { break };
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

    fn check(&self) -> Result<(), String> {
        let named = |table: &str, error: &dyn std::fmt::Display| format!("[{table}] {error}");
        let name = &self.run.name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(format!(
                "[run] name is `{name}`, it must be letters, digits, `-`, `_` and `.`: it names a folder"
            ));
        }
        self.data.check()?;
        let positive = [
            ("run", "steps", self.run.steps),
            ("run", "keep", self.run.keep as u64),
            ("rollout", "problems", self.rollout.problems as u64),
            ("rollout", "max_tokens", self.rollout.max_tokens as u64),
            ("evaluation", "k", u64::from(self.evaluation.k)),
            ("server", "concurrency", self.server.concurrency as u64),
            ("server", "max_sequences", self.server.max_sequences as u64),
            ("server", "timeout_seconds", self.server.timeout_seconds),
            ("server", "push_timeout_seconds", self.server.push_timeout_seconds),
            ("server", "stall_seconds", self.server.stall_seconds),
            ("trainer", "ranks", self.trainer.ranks as u64),
            ("trainer", "rank_timeout_seconds", self.trainer.rank_timeout_seconds),
            ("trainer", "micro_batch_tokens", self.trainer.micro_batch_tokens as u64),
            ("trainer", "timeout_seconds", self.trainer.timeout_seconds),
        ];
        if let Some((table, key, _)) = positive.into_iter().find(|&(_, _, value)| value == 0) {
            return Err(format!("[{table}] {key} is 0, it must be at least 1"));
        }
        if self.rollout.max_staleness > 1 {
            let staleness = self.rollout.max_staleness;
            return Err(format!("[rollout] max_staleness is {staleness}, it must be 0 or 1"));
        }
        if self.rollout.group < 2 {
            return Err("[rollout] group must be at least 2: advantages are relative to it".into());
        }
        if self.rollout.extra == 0 && matches!(self.run.method, Method::Lte | Method::GrpoExtra) {
            let method = self.run.method;
            return Err(format!("[rollout] extra is 0, method `{method}` needs at least 1"));
        }
        let temperatures =
            [("rollout", self.rollout.temperature), ("evaluation", self.evaluation.temperature)];
        for (table, temperature) in temperatures {
            if !(temperature.is_finite() && temperature > 0.0) {
                return Err(format!("[{table}] temperature is {temperature}, it must be above 0"));
            }
        }
        if let Overlong::Soft { buffer, penalty } = self.rollout.overlong
            && !(buffer > 0 && penalty.is_finite() && penalty > 0.0)
        {
            return Err("[rollout] overlong: buffer and penalty must be above 0".into());
        }
        if !(self.server.tolerance.is_finite() && self.server.tolerance > 0.0) {
            let tolerance = self.server.tolerance;
            return Err(format!("[server] tolerance is {tolerance}, it must be above 0"));
        }
        if !self.server.workers.is_empty() && self.server.urls.len() != 1 {
            return Err(
                "[server] workers are the servers behind a router: give the router as the \
                        only one of urls"
                    .into(),
            );
        }
        if self.server.push == Transfer::Nccl && self.server.urls.is_empty() {
            return Err(
                "[server] push is \"nccl\", which the embedded server does not have: give \
                        the urls of vLLM servers"
                    .into(),
            );
        }
        if self.server.push == Transfer::Nccl && self.trainer.lora.is_some() {
            return Err(
                "[server] push is \"nccl\", but adapters ([trainer] lora) go by the disk: \
                        leave one out"
                    .into(),
            );
        }
        self.trainer.check().map_err(|error| named("trainer", &error))?;
        self.prompts.validate().map_err(|error| named("prompts", &error))?;
        self.objective.validate().map_err(|error| named("objective", &error))?;
        self.optimizer.validate().map_err(|error| named("optimizer", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "[run]\nname = \"a\"\nmethod = \"lte\"\nsteps = 3\n\
                           [model]\npath = \"m\"\n[data]\ntrain = \"t.jsonl\"\n";

    fn load(text: &str, overrides: &[&str]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.toml");
        std::fs::write(&path, text).unwrap();
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        Config::load(&path, &overrides)
            .map_err(|error| error.to_string().replace(&*folder.path().to_string_lossy(), ""))
    }

    #[test]
    fn the_documented_file_shows_every_key_with_its_default() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/config.toml");
        let documented = Config::load(&path, &[]).unwrap();
        let minimal = load(MINIMAL, &[]).unwrap();
        assert_eq!(documented.prompts, minimal.prompts);
        assert_eq!(documented.dashboard, minimal.dashboard);
        let (documented, minimal) = (documented.settings(), minimal.settings());
        let differing = difference(&minimal, &documented);
        let keys: Vec<&str> =
            differing.split("; ").filter_map(|entry| entry.split(':').next()).collect();
        let required = ["data.heldout.new", "data.train", "model.path", "run.name"];
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, required, "{differing}");
        let text = std::fs::read_to_string(path).unwrap();
        for (table, keys) in documented.as_object().unwrap() {
            assert!(text.contains(&format!("[{table}]")), "[{table}] is not documented");
            for key in keys.as_object().unwrap().keys() {
                let shown = text.lines().any(|line| {
                    line.trim_start_matches("# ").starts_with(&format!("{key} = "))
                        || line.starts_with(&format!("[{table}.{key}]"))
                });
                assert!(shown, "{table}.{key} is not documented");
            }
        }
    }

    #[test]
    fn the_examples_are_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        for size in ["4b", "8b"] {
            let config = Config::load(&folder.join(format!("qwen3-{size}.toml")), &[]).unwrap();
            assert_eq!(config.run.name, format!("qwen3-{size}-lte"));
            // What the paper says of both.
            let rollout = &config.rollout;
            assert_eq!((rollout.problems, rollout.group, rollout.extra), (128, 8, 8));
            assert_eq!((rollout.max_tokens, rollout.temperature), (8192, 1.0));
            assert_eq!((config.run.steps, config.evaluation.every), (500, 10));
        }
    }

    #[test]
    fn an_unknown_key_is_shown_with_its_line_and_a_suggestion() {
        let error = load(&format!("{MINIMAL}[optimizer]\nlerning_rate = 1\n"), &[]).unwrap_err();
        insta::assert_snapshot!(error);
    }

    #[test]
    fn a_wrong_type_is_shown_with_its_line() {
        let error = load(&MINIMAL.replace("steps = 3", "steps = \"three\""), &[]).unwrap_err();
        insta::assert_snapshot!(error);
    }

    #[test]
    fn overrides_win_and_are_checked() {
        let config = load(MINIMAL, &["run.steps=7", "run.name=b", "rollout.group = 4"]).unwrap();
        assert_eq!((config.run.steps, config.rollout.group), (7, 4));
        assert_eq!(config.run.name, "b");
        let cases = [
            ("steps=7", "--set steps=7: write it as table.key=value"),
            ("run.steps", "--set run.steps: write it as table.key=value"),
            ("run.stesp=7", "--set run.stesp=7: unknown field `stesp`"),
            ("run.name.x=7", "--set run.name.x=7: `name` is not a table"),
            ("run.steps=many", "--set run.steps=many: invalid type: string \"many\""),
        ];
        for (setting, expected) in cases {
            let error = load(MINIMAL, &[setting]).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(load(MINIMAL, &["run.stesp=7"]).unwrap_err().contains("did you mean `steps`?"));
    }

    #[test]
    fn values_out_of_range_are_named() {
        let cases = [
            ("run.name=a/b", "[run] name is `a/b`, it must be"),
            ("run.steps=0", "[run] steps is 0, it must be at least 1"),
            ("rollout.group=1", "[rollout] group must be at least 2"),
            ("rollout.extra=0", "[rollout] extra is 0, method `lte` needs at least 1"),
            ("rollout.temperature=0.0", "[rollout] temperature is 0, it must be above 0"),
            ("objective.gamma=-1.0", "[objective] `gamma` is -1, it must be above 0"),
            ("prompts.hint={problem}", "[prompts] template `hint` lacks {answers}"),
            ("server.tolerance=0.0", "[server] tolerance is 0, it must be above 0"),
            ("trainer.ranks=0", "[trainer] ranks is 0, it must be at least 1"),
            ("server.workers=[\"a:8000\"]", "give the router as the only one of urls"),
            ("server.push=nccl", "which the embedded server does not have: give the urls of vLLM"),
        ];
        for (setting, expected) in cases {
            let error = load(MINIMAL, &[setting]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(load(MINIMAL, &["rollout.extra=0", "run.method=grpo"]).is_ok());
    }

    #[test]
    fn settings_that_came_later_were_at_their_defaults() {
        let settings = load(MINIMAL, &[]).unwrap().settings();
        let mut older = settings.clone();
        older.as_object_mut().unwrap().remove("hint");
        older["rollout"].as_object_mut().unwrap().remove("dynamic_sampling");
        assert_eq!(Config::completed(older), settings);
        let other = load(MINIMAL, &["rollout.group=4"]).unwrap().settings();
        assert_ne!(Config::completed(other), settings);
    }

    #[test]
    fn inputs_are_relative_to_the_file() {
        let config = load(MINIMAL, &[]).unwrap();
        assert!(config.model.path.is_absolute());
        assert_eq!(config.run.database, Path::new("retrial.db"));
    }
}

//! The keys of `[reward]` as they are written, and the way from them to settings and back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use retrial_grader::Extraction;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Choice, CodeSettings, CommandSettings, HttpSettings, RewardConfig, Scheme, Truncated, Verifier,
    VerifierKind, Weighted,
};
use crate::Reward;

/// All keys that a table of a verifier may have. Which of them it may have depends on its kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none", with = "extraction")]
    extraction: Option<Extraction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_env: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    python: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mb: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<f64>,
    /// Of a table in `parts` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
    /// These four of `[reward]` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pass_at: Option<Reward>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<Truncated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    each: Option<BTreeMap<String, Raw>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<BTreeMap<String, Raw>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Math,
    Number,
    Choice,
    Exact,
    Regex,
    Command,
    Http,
    Code,
}

impl<'de> Deserialize<'de> for RewardConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Raw::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for RewardConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Raw::from(self.clone()).serialize(serializer)
    }
}

impl TryFrom<Raw> for RewardConfig {
    type Error = String;

    fn try_from(mut raw: Raw) -> Result<Self, String> {
        let pass_at = raw.pass_at.take().unwrap_or(Reward::ONE);
        if pass_at == Reward::ZERO {
            return Err(
                "[reward] pass_at is 0, it must be above 0, or every response would pass".into()
            );
        }
        let truncated = raw.truncated.take().unwrap_or_default();
        let verifiers = match (raw.by.take(), raw.each.take()) {
            (None, None) => Choice::Always(scheme(raw, "reward", Extraction::Boxed)?),
            (Some(tag), Some(each)) if !each.is_empty() => {
                let extraction = raw.extraction.unwrap_or_default();
                let of = |(value, raw)| {
                    let scheme = scheme(raw, &format!("reward.for.{value}"), extraction)?;
                    Ok((value, scheme))
                };
                let schemes = each.into_iter().map(of).collect::<Result<_, String>>()?;
                let named = raw.kind.is_some() || raw.parts.is_some();
                let rest = scheme(raw, "reward", extraction)?;
                Choice::By { tag, schemes, otherwise: named.then_some(rest) }
            }
            (Some(_), _) => {
                return Err(
                    "[reward] by chooses among the tables [reward.for.VALUE], but there is none"
                        .into(),
                );
            }
            (None, Some(_)) => {
                return Err("[reward.for] needs [reward] by: the tag whose value chooses, \
                            for example `data_source`"
                    .into());
            }
        };
        Ok(Self { verifiers, pass_at, truncated })
    }
}

/// Reads a table that is one verifier or has `parts`.
fn scheme(mut raw: Raw, table: &str, inherited: Extraction) -> Result<Scheme, String> {
    let extraction = raw.extraction.unwrap_or(inherited);
    let Some(parts) = raw.parts.take() else {
        return Ok(Scheme::One(verifier(raw, table, inherited)?));
    };
    if raw.kind.is_some() || parts.is_empty() {
        return Err(format!("[{table}] has a `kind` or [{table}.parts.NAME], one of them"));
    }
    // Nothing but the extraction may stand beside parts.
    verifier(raw, table, extraction)?;
    let part = |(name, mut raw): (String, Raw)| {
        let table = format!("{table}.parts.{name}");
        let weight = raw.weight.take().unwrap_or(1.0);
        if !(weight.is_finite() && weight > 0.0) {
            return Err(format!("[{table}] weight is {weight}, it must be above 0"));
        }
        if raw.kind.is_none() {
            return Err(format!("[{table}] has no `kind`"));
        }
        Ok((name, Weighted { weight, verifier: verifier(raw, &table, extraction)? }))
    };
    Ok(Scheme::Weighted(parts.into_iter().map(part).collect::<Result<_, String>>()?))
}

fn verifier(mut raw: Raw, table: &str, inherited: Extraction) -> Result<Verifier, String> {
    let extraction = raw.extraction.take().unwrap_or(inherited);
    let kind = raw.kind.take().unwrap_or(Kind::Math);
    let word = word(kind);
    let needed = |key: &str| format!("[{table}] kind `{word}` needs `{key}`");
    let kind = match kind {
        Kind::Math => VerifierKind::Math,
        Kind::Number => VerifierKind::Number { tolerance: raw.tolerance.take().unwrap_or(1e-6) },
        Kind::Choice => VerifierKind::Choice,
        Kind::Exact => VerifierKind::Exact,
        Kind::Regex => {
            VerifierKind::Regex { pattern: raw.pattern.take().ok_or_else(|| needed("pattern"))? }
        }
        Kind::Command => VerifierKind::Command(CommandSettings {
            command: raw.command.take().ok_or_else(|| needed("command"))?,
            folder: raw.folder.take().unwrap_or_default(),
            workers: raw.workers.take().unwrap_or(4),
            timeout_seconds: raw.timeout_seconds.take().unwrap_or(10.0),
        }),
        Kind::Http => VerifierKind::Http(HttpSettings {
            url: raw.url.take().ok_or_else(|| needed("url"))?,
            api_key_env: raw.api_key_env.take(),
            headers: raw.headers.take().unwrap_or_default(),
            batch: raw.batch.take().unwrap_or(64),
            workers: raw.workers.take().unwrap_or(4),
            timeout_seconds: raw.timeout_seconds.take().unwrap_or(60.0),
        }),
        Kind::Code => VerifierKind::Code(CodeSettings {
            python: raw.python.take().unwrap_or_else(|| "python3".into()),
            workers: raw.workers.take().unwrap_or(4),
            timeout_seconds: raw.timeout_seconds.take().unwrap_or(10.0),
            memory_mb: raw.memory_mb.take().unwrap_or(512),
            partial: raw.partial.take().unwrap_or(false),
        }),
    };
    check(&kind, table)?;
    match raw.left_over() {
        None => Ok(Verifier { extraction, kind }),
        Some(key) => Err(format!("[{table}] `{key}` is not a key of the kind `{word}`")),
    }
}

/// Says what is wrong with values, if anything is.
fn check(kind: &VerifierKind, table: &str) -> Result<(), String> {
    let positive = |key: &str, value: f64| {
        if value.is_finite() && value > 0.0 {
            Ok(())
        } else {
            Err(format!("[{table}] {key} is {value}, it must be above 0"))
        }
    };
    match kind {
        VerifierKind::Math
        | VerifierKind::Choice
        | VerifierKind::Exact
        | VerifierKind::Regex { .. } => Ok(()),
        VerifierKind::Number { tolerance } if tolerance.is_finite() && *tolerance >= 0.0 => Ok(()),
        VerifierKind::Number { tolerance } => {
            Err(format!("[{table}] tolerance is {tolerance}, it must be at least 0"))
        }
        VerifierKind::Command(settings) => {
            if settings.command.first().is_none_or(String::is_empty) {
                return Err(format!("[{table}] command is empty, it must name a program"));
            }
            positive("workers", settings.workers as f64)?;
            positive("timeout_seconds", settings.timeout_seconds)
        }
        VerifierKind::Http(settings) => {
            positive("batch", settings.batch as f64)?;
            positive("workers", settings.workers as f64)?;
            positive("timeout_seconds", settings.timeout_seconds)
        }
        VerifierKind::Code(settings) => {
            positive("workers", settings.workers as f64)?;
            positive("memory_mb", settings.memory_mb as f64)?;
            positive("timeout_seconds", settings.timeout_seconds)
        }
    }
}

impl Raw {
    /// A key that was not used.
    fn left_over(&self) -> Option<&'static str> {
        let keys = [
            ("tolerance", self.tolerance.is_some()),
            ("pattern", self.pattern.is_some()),
            ("command", self.command.is_some()),
            ("folder", self.folder.is_some()),
            ("url", self.url.is_some()),
            ("api_key_env", self.api_key_env.is_some()),
            ("headers", self.headers.is_some()),
            ("batch", self.batch.is_some()),
            ("python", self.python.is_some()),
            ("memory_mb", self.memory_mb.is_some()),
            ("partial", self.partial.is_some()),
            ("workers", self.workers.is_some()),
            ("timeout_seconds", self.timeout_seconds.is_some()),
            ("weight", self.weight.is_some()),
            ("pass_at", self.pass_at.is_some()),
            ("truncated", self.truncated.is_some()),
            ("by", self.by.is_some()),
            ("for", self.each.is_some()),
            ("parts", self.parts.is_some()),
        ];
        keys.into_iter().find_map(|(key, there)| there.then_some(key))
    }

    fn of_scheme(scheme: Scheme) -> Self {
        match scheme {
            Scheme::One(verifier) => Self::of_verifier(verifier),
            Scheme::Weighted(parts) => {
                let raw = |Weighted { weight, verifier }| Self {
                    weight: Some(weight),
                    ..Self::of_verifier(verifier)
                };
                let parts = parts.into_iter().map(|(name, part)| (name, raw(part))).collect();
                Self { parts: Some(parts), ..Self::default() }
            }
        }
    }

    fn of_verifier(Verifier { extraction, kind }: Verifier) -> Self {
        let raw = Self { extraction: Some(extraction), ..Self::default() };
        match kind {
            VerifierKind::Math => Self { kind: Some(Kind::Math), ..raw },
            VerifierKind::Number { tolerance } => {
                Self { kind: Some(Kind::Number), tolerance: Some(tolerance), ..raw }
            }
            VerifierKind::Choice => Self { kind: Some(Kind::Choice), ..raw },
            VerifierKind::Exact => Self { kind: Some(Kind::Exact), ..raw },
            VerifierKind::Regex { pattern } => {
                Self { kind: Some(Kind::Regex), pattern: Some(pattern), ..raw }
            }
            VerifierKind::Command(settings) => Self {
                kind: Some(Kind::Command),
                command: Some(settings.command),
                folder: Some(settings.folder),
                workers: Some(settings.workers),
                timeout_seconds: Some(settings.timeout_seconds),
                ..raw
            },
            VerifierKind::Http(settings) => Self {
                kind: Some(Kind::Http),
                url: Some(settings.url),
                api_key_env: settings.api_key_env,
                headers: Some(settings.headers),
                batch: Some(settings.batch),
                workers: Some(settings.workers),
                timeout_seconds: Some(settings.timeout_seconds),
                ..raw
            },
            VerifierKind::Code(settings) => Self {
                kind: Some(Kind::Code),
                python: Some(settings.python),
                workers: Some(settings.workers),
                timeout_seconds: Some(settings.timeout_seconds),
                memory_mb: Some(settings.memory_mb),
                partial: Some(settings.partial),
                ..raw
            },
        }
    }
}

impl From<RewardConfig> for Raw {
    fn from(RewardConfig { verifiers, pass_at, truncated }: RewardConfig) -> Self {
        let raw = match verifiers {
            Choice::Always(scheme) => Self::of_scheme(scheme),
            Choice::By { tag, schemes, otherwise } => {
                let each = schemes.into_iter().map(|(value, of)| (value, Self::of_scheme(of)));
                let each = Some(each.collect());
                Self { by: Some(tag), each, ..otherwise.map(Self::of_scheme).unwrap_or_default() }
            }
        };
        Self { pass_at: Some(pass_at), truncated: Some(truncated), ..raw }
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Math => "math",
        Kind::Number => "number",
        Kind::Choice => "choice",
        Kind::Exact => "exact",
        Kind::Regex => "regex",
        Kind::Command => "command",
        Kind::Http => "http",
        Kind::Code => "code",
    }
}

/// An extraction by its name.
mod extraction {
    use super::{Deserialize, Deserializer, Extraction, Serializer};

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks for a reference"
    )]
    pub(super) fn serialize<S: Serializer>(
        extraction: &Option<Extraction>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match extraction {
            Some(extraction) => serializer.serialize_str(extraction.as_str()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Extraction>, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(Some).map_err(serde::de::Error::custom)
    }
}

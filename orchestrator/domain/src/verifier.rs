//! `[reward]`: which verifier decides about a response, and what counts as passed.
//!
//! In TOML all keys of a verifier stand side by side (`raw` reads them); here a value of a wrong kind
//! cannot be built.

mod raw;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use retrial_grader::Extraction;
use serde::{Deserialize, Serialize};

use crate::Reward;

/// `[reward]`
#[derive(Clone, Debug, PartialEq)]
pub struct RewardConfig {
    /// Who decides.
    pub verifiers: Choice,
    /// The smallest reward that counts as passed: for none-pass, rescues and Pass@k.
    pub pass_at: Reward,
    /// What becomes of responses that were cut.
    pub truncated: Truncated,
}

/// Who decides about which problem.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// One scheme for all problems.
    Always(Scheme),
    /// A tag of the problem chooses.
    By {
        /// The tag, or column: `data_source`.
        tag: String,
        /// The scheme of each value: `[reward.for.VALUE]`.
        schemes: BTreeMap<String, Scheme>,
        /// The scheme of all other values; without one, such problems cannot be verified.
        otherwise: Option<Scheme>,
    },
}

/// One verifier, or several whose rewards are weighted.
#[derive(Clone, Debug, PartialEq)]
pub enum Scheme {
    /// One.
    One(Verifier),
    /// Several by name; the reward is the weighted mean.
    Weighted(BTreeMap<String, Weighted>),
}

/// One of several verifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    /// Its weight in the mean, above 0.
    pub weight: f64,
    /// What it is.
    pub verifier: Verifier,
}

/// A verifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Verifier {
    /// Where it looks for the answer in a response.
    pub extraction: Extraction,
    /// How it decides.
    pub kind: VerifierKind,
}

/// How a verifier decides.
#[derive(Clone, Debug, PartialEq)]
pub enum VerifierKind {
    /// Equal to the gold answer as mathematics.
    Math,
    /// A number close to the gold one.
    Number {
        /// The largest difference, as a share of the gold number, or as it is if that is below 1.
        tolerance: f64,
    },
    /// The letter of the right option, or its text.
    Choice,
    /// The same text, ignoring white space and case.
    Exact,
    /// The response matches a regular expression.
    Regex {
        /// The expression; `{gold}` in it stands for the gold answer.
        pattern: String,
    },
    /// A program that reads submissions and writes rewards, one JSON line each.
    Command(CommandSettings),
    /// The same over HTTP.
    Http(HttpSettings),
    /// The response's code passes the problem's tests, in a sandbox.
    Code(CodeSettings),
}

/// `kind = "command"`
#[derive(Clone, Debug, PartialEq)]
pub struct CommandSettings {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it is started; a relative program lies there too.
    pub folder: PathBuf,
    /// Processes that are kept.
    pub workers: usize,
    /// Seconds that one verdict may take.
    pub timeout_seconds: f64,
}

/// `kind = "http"`
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSettings {
    /// Where batches are posted to.
    pub url: String,
    /// The variable that has the key.
    pub api_key_env: Option<String>,
    /// Further headers; a value `env:NAME` is that of a variable.
    pub headers: BTreeMap<String, String>,
    /// Submissions of one request at most.
    pub batch: usize,
    /// Requests at the same time.
    pub workers: usize,
    /// Seconds that one request may take.
    pub timeout_seconds: f64,
}

/// `kind = "code"`
#[derive(Clone, Debug, PartialEq)]
pub struct CodeSettings {
    /// The Python that runs the code.
    pub python: String,
    /// Programs at the same time.
    pub workers: usize,
    /// Seconds that one test may take.
    pub timeout_seconds: f64,
    /// Memory of a program, in MiB.
    pub memory_mb: u64,
    /// Whether the reward is the share of tests that pass, instead of all or nothing.
    pub partial: bool,
}

/// How a response that was cut at the limit is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truncated {
    /// Its text is graded as it stands.
    #[default]
    Graded,
    /// It has not answered.
    Fail,
}

impl RewardConfig {
    /// The scheme for a problem with these tags, or why there is none.
    pub fn scheme(&self, tags: &BTreeMap<String, String>) -> Result<&Scheme, String> {
        match &self.verifiers {
            Choice::Always(scheme) => Ok(scheme),
            Choice::By { tag, schemes, otherwise } => {
                let value = tags.get(tag);
                value.and_then(|value| schemes.get(value)).or(otherwise.as_ref()).ok_or_else(|| {
                    let found = match value {
                        Some(value) => format!("its {tag} is `{value}`"),
                        None => format!("it has no {tag}"),
                    };
                    format!("no verifier: {found}, see [reward.for.VALUE]")
                })
            }
        }
    }

    /// All verifiers.
    pub fn all(&self) -> Vec<&Verifier> {
        let schemes: Vec<&Scheme> = match &self.verifiers {
            Choice::Always(scheme) => vec![scheme],
            Choice::By { schemes, otherwise, .. } => schemes.values().chain(otherwise).collect(),
        };
        schemes.into_iter().flat_map(Scheme::all).collect()
    }

    /// Whether a program or a service decides, which is told all that the data set says of a problem.
    pub fn asks_others(&self) -> bool {
        let others =
            |kind: &VerifierKind| matches!(kind, VerifierKind::Command(_) | VerifierKind::Http(_));
        self.all().iter().any(|verifier| others(&verifier.kind))
    }

    /// Whether every gold answer has to be one that the grader reads.
    pub fn only_math(&self) -> bool {
        self.all().iter().all(|verifier| verifier.kind == VerifierKind::Math)
    }

    /// The same for answers that are looked for elsewhere in responses.
    #[must_use]
    pub fn looking_in(mut self, extraction: Extraction) -> Self {
        let schemes: Vec<&mut Scheme> = match &mut self.verifiers {
            Choice::Always(scheme) => vec![scheme],
            Choice::By { schemes, otherwise, .. } => {
                schemes.values_mut().chain(otherwise).collect()
            }
        };
        for verifier in schemes.into_iter().flat_map(Scheme::all_mut) {
            *verifier = verifier.clone().looking_in(extraction);
        }
        self
    }

    /// Makes relative folders of programs start at this folder.
    pub fn resolve(&mut self, base: &Path) {
        let schemes: Vec<&mut Scheme> = match &mut self.verifiers {
            Choice::Always(scheme) => vec![scheme],
            Choice::By { schemes, otherwise, .. } => {
                schemes.values_mut().chain(otherwise).collect()
            }
        };
        for verifier in schemes.into_iter().flat_map(Scheme::all_mut) {
            if let VerifierKind::Command(settings) = &mut verifier.kind {
                settings.folder = base.join(&settings.folder);
            }
        }
    }
}

impl Scheme {
    /// Whether the grader alone decides.
    pub fn is_math(&self) -> bool {
        self.all().iter().all(|verifier| verifier.kind == VerifierKind::Math)
    }

    /// Its verifiers.
    pub fn all(&self) -> Vec<&Verifier> {
        match self {
            Self::One(verifier) => vec![verifier],
            Self::Weighted(parts) => parts.values().map(|part| &part.verifier).collect(),
        }
    }

    fn all_mut(&mut self) -> Vec<&mut Verifier> {
        match self {
            Self::One(verifier) => vec![verifier],
            Self::Weighted(parts) => parts.values_mut().map(|part| &mut part.verifier).collect(),
        }
    }
}

impl Verifier {
    /// The same for answers that are looked for elsewhere in responses, where it looks for any.
    #[must_use]
    pub fn looking_in(self, extraction: Extraction) -> Self {
        if self.kind.looks_for_answers() { Self { extraction, ..self } } else { self }
    }
}

impl VerifierKind {
    /// Whether it decides by the answer in a response, and not by the response.
    pub fn looks_for_answers(&self) -> bool {
        match self {
            Self::Math | Self::Number { .. } | Self::Choice | Self::Exact | Self::Regex { .. } => {
                true
            }
            Self::Command(_) | Self::Http(_) | Self::Code(_) => false,
        }
    }

    /// The word for it in configurations.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Math => "math",
            Self::Number { .. } => "number",
            Self::Choice => "choice",
            Self::Exact => "exact",
            Self::Regex { .. } => "regex",
            Self::Command(_) => "command",
            Self::Http(_) => "http",
            Self::Code(_) => "code",
        }
    }
}

impl Default for RewardConfig {
    fn default() -> Self {
        let math = Verifier { extraction: Extraction::Boxed, kind: VerifierKind::Math };
        Self {
            verifiers: Choice::Always(Scheme::One(math)),
            pass_at: Reward::ONE,
            truncated: Truncated::default(),
        }
    }
}

#[cfg(test)]
mod tests;

//! Low-rank adapters (arXiv 2106.09685): which matrices get one, and how large.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Matrices of a layer that can have an adapter, under the names of their modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The query projection.
    QProj,
    /// The key projection.
    KProj,
    /// The value projection.
    VProj,
    /// The output projection of attention.
    OProj,
    /// The MLP's gate projection.
    GateProj,
    /// The MLP's up projection.
    UpProj,
    /// The MLP's down projection.
    DownProj,
}

impl Target {
    /// All of them, in the order of a layer's parameters.
    pub const ALL: [Self; 7] = [
        Self::QProj,
        Self::KProj,
        Self::VProj,
        Self::OProj,
        Self::GateProj,
        Self::UpProj,
        Self::DownProj,
    ];

    /// The module's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::QProj => "q_proj",
            Self::KProj => "k_proj",
            Self::VProj => "v_proj",
            Self::OProj => "o_proj",
            Self::GateProj => "gate_proj",
            Self::UpProj => "up_proj",
            Self::DownProj => "down_proj",
        }
    }

    /// The module's path inside its layer.
    pub fn path(self) -> String {
        let block = match self {
            Self::QProj | Self::KProj | Self::VProj | Self::OProj => "self_attn",
            Self::GateProj | Self::UpProj | Self::DownProj => "mlp",
        };
        format!("{block}.{}", self.name())
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|target| target.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{name}` is not one of {names}")
        })
    }
}

/// Instead of a matrix W its sum with `alpha / rank * B A` is used, where A has `rank` rows and B as
/// many columns. Only A and B are trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    /// Rank of the adapters.
    pub rank: u32,
    /// Scaling: the adapter is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// The matrices that get an adapter.
    #[serde(default = "all_targets")]
    pub targets: Vec<Target>,
}

fn all_targets() -> Vec<Target> {
    Target::ALL.to_vec()
}

/// Why an adapter has invalid settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLora {
    /// The rank is 0.
    #[error("`lora.rank` is 0, it must be 1 or more")]
    Rank,
    /// The scaling is not a positive number.
    #[error("`lora.alpha` must be above 0")]
    Alpha,
    /// There would be nothing to train.
    #[error("`lora.targets` is empty")]
    NoTarget,
}

impl Lora {
    /// The factor of the product of the two matrices.
    pub fn scale(&self) -> f64 {
        self.alpha / f64::from(self.rank)
    }

    /// The targets, each once, in the order of a layer's parameters.
    pub fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        Target::ALL.into_iter().filter(|target| self.targets.contains(target))
    }

    /// Checks that every number is in its range.
    pub fn validate(&self) -> Result<(), InvalidLora> {
        if self.rank == 0 {
            return Err(InvalidLora::Rank);
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(InvalidLora::Alpha);
        }
        if self.targets.is_empty() { Err(InvalidLora::NoTarget) } else { Ok(()) }
    }
}

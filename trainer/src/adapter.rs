//! The options of a low-rank adapter on the command line.

use retrial_protocol::{InvalidLora, Lora, Target};

use crate::model::lora::NewAdapter;

/// `--lora-rank` and what belongs to it.
#[derive(Clone, Debug, clap::Args)]
pub struct LoraArgs {
    /// Train a low-rank adapter of this rank, and leave the model as it is.
    #[arg(id = "lora_rank", long = "lora-rank", value_name = "LORA_RANK", requires = "lora_alpha")]
    rank: Option<u32>,
    /// Scaling of the adapter: alpha, which is divided by the rank.
    #[arg(
        id = "lora_alpha",
        long = "lora-alpha",
        value_name = "LORA_ALPHA",
        requires = "lora_rank"
    )]
    alpha: Option<f64>,
    /// Matrices to adapt, separated by commas; default: all of a layer.
    #[arg(
        id = "lora_targets",
        long = "lora-targets",
        value_name = "LORA_TARGETS",
        requires = "lora_rank",
        value_delimiter = ','
    )]
    targets: Vec<Target>,
}

impl LoraArgs {
    /// The adapter to train, if there is one.
    pub fn adapter(&self, seed: u64) -> Result<Option<NewAdapter>, InvalidLora> {
        let (Some(rank), Some(alpha)) = (self.rank, self.alpha) else { return Ok(None) };
        let given = &self.targets;
        let targets = if given.is_empty() { Target::ALL.to_vec() } else { given.clone() };
        let form = Lora { rank, alpha, targets };
        form.validate()?;
        Ok(Some(NewAdapter { form, seed }))
    }
}
